"""Where a figure comes from: versions, device and commit."""

import os
import platform
import subprocess
from functools import cache
from pathlib import Path

import lightning
import torch
import torchmetrics
import torchvision


def versions() -> dict[str, str]:
    """Versions of what decides a result's last digits."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "lightning": lightning.__version__,
        "torchmetrics": torchmetrics.__version__,
    }


def device_name(device: torch.device) -> str:
    """The device in words, with the number of threads where it decides the rounding."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return (
        f"{device.type} {platform.machine()}, {torch.get_num_threads()} of {os.cpu_count()} cores"
    )


@cache
def commit() -> str:
    """The commit of the source tree, with "+" when it has changes; "unknown" outside one."""
    here = Path(__file__).resolve().parent
    try:
        head = _git(here, "rev-parse", "HEAD")
        changed = _git(here, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
