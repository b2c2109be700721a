"""Seeds that depend on what they are for, so that any moment of a run can be drawn again."""

import hashlib


def derived_seed(*parts: int | str) -> int:
    """A 32-bit seed from numbers and names, such as (run seed, "dropout", step).

    32 bits, because PyTorch's CPU generator ignores the rest.
    """
    text = "/".join(map(str, parts)).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=4).digest(), "little")
