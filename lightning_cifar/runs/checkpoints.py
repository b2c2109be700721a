"""Checkpoint files that are whole, checked before they are read, and run no code.

A file is torch's own format followed by a 40-byte seal: a mark and the SHA-256 of all before it.
``torch.load`` skips the seal, so other programs read the file as usual; it checks no checksums
itself, and a flipped byte would silently become another weight.
"""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

import torch
from lightning.fabric.plugins import CheckpointIO

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_atomically

MARK = b"LCIFAR01"
SEAL_BYTES = len(MARK) + hashlib.sha256().digest_size


class DamagedCheckpoint(InputError):
    """A checkpoint whose bytes are not the ones that were written."""


def save_checkpoint(checkpoint: dict[str, Any], path: Path) -> None:
    """Write ``checkpoint`` (plain types and tensors) to ``path``, whole or not at all.

    Raises:
        OSError: no space or no permission; the previous file at ``path`` is intact.
    """
    buffer = io.BytesIO()
    torch.save(checkpoint, buffer)
    content = buffer.getbuffer()
    seal = MARK + hashlib.sha256(content).digest()
    write_atomically(path, lambda file: (file.write(content), file.write(seal)))


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read a checkpoint that ``save_checkpoint`` wrote, with its tensors on ``device``.

    Raises:
        InputError: no such file.
        DamagedCheckpoint: not such a file, cut short, or changed in any byte.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read the checkpoint {path}: {error.strerror}") from error
    content, seal = data[:-SEAL_BYTES], data[-SEAL_BYTES:]
    if seal != MARK + hashlib.sha256(content).digest():
        raise DamagedCheckpoint(
            f"{path} is damaged or was not written by lightning-cifar (its checksum does not "
            "match); use another checkpoint or train again"
        )
    try:
        loaded = torch.load(io.BytesIO(content), map_location=device, weights_only=True)
    except Exception as error:  # torch raises a dozen types here; all mean the same to a user
        raise DamagedCheckpoint(
            f"{path} contains more than weights and plain values, so it was not loaded"
        ) from error
    if not isinstance(loaded, dict):
        raise DamagedCheckpoint(f"{path} contains a {type(loaded).__name__}, not a checkpoint")
    return loaded


@final
class SealedCheckpoints(CheckpointIO):
    """Lets a Lightning trainer read and write sealed checkpoint files."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write a sealed file."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(checkpoint, Path(path))

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Callable[..., Any] | None = None,
        weights_only: bool | None = None,
    ) -> dict[str, Any]:
        """Read and verify a sealed file; weights and plain values only, whatever is asked."""
        return load_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        """Delete a file."""
        Path(path).unlink(missing_ok=True)
