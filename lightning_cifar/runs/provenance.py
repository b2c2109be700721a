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

from lightning_cifar.native.library import maker


def versions() -> dict[str, str]:
    """Versions of what decides a result's last digits."""
    packages = (torch, torchvision, lightning, torchmetrics)
    return (
        {"python": platform.python_version()}
        | {each.__name__: str(each.__version__) for each in packages}
        | {"kernels": maker()}
    )


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
    git = ["git", "-C", str(Path(__file__).resolve().parent)]
    asked = (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
    try:
        head, changed = (
            subprocess.run([*git, *each], capture_output=True, text=True, check=True).stdout.strip()
            for each in asked
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")
