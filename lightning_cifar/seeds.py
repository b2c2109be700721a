"""Seeds that depend on what they are for, so that any moment of a run can be drawn again."""

import hashlib

import torch


def derived_seed(*parts: int | str) -> int:
    """A 32-bit seed from numbers and names, such as (run seed, "dropout", step).

    32 bits, because PyTorch's CPU generator ignores the rest.
    """
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "little")


def seed_generators(seed: int, device: torch.device) -> None:
    """Seed the global generators of the CPU and of a device, from which dropout layers draw.

    As ``torch.manual_seed``, which also notes a stack trace for every GPU that is not in use:
    before each step of a small network that costs more than the step's arithmetic.
    """
    if device.type not in ("cpu", "cuda"):
        torch.manual_seed(seed)
        return
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        index = torch.cuda.current_device() if device.index is None else device.index
        torch.cuda.default_generators[index].manual_seed(seed)
