"""Reading exported networks as somebody else would; also a script, to do so in a fresh process.

    python exported_files.py IMAGES.npy LOGITS.npz FILE...

writes the logits of the first image, of the first seven and of all, by the name of the file.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import pytest

PACKAGES = {"onnx": ["onnx", "onnxscript", "onnxruntime"], "safetensors": ["safetensors"]}
BATCH_SIZES = (1, 7, None)


def installed(package):
    """Whether a package can be imported."""
    return importlib.util.find_spec(package) is not None


def skip_without_packages(name):
    """Skip a test of a format whose optional packages are not installed."""
    for package in PACKAGES.get(name, []):
        if not installed(package):
            pytest.skip(f"optional extra 'export': {package} is not installed")


def read_onnx(path):
    """Logits of raw images (arrays) by onnxruntime alone."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == ["images"]
    return lambda images: session.run(None, {"images": images})[0]


def read_torch_export(path):
    """Logits of raw images (arrays) by torch alone."""
    import torch

    module = torch.export.load(path).module()

    def logits(images):
        with torch.no_grad():
            return module(torch.from_numpy(images)).numpy()

    return logits


def read_safetensors(path):
    """Logits of raw images (arrays) by classifiers built from what the file says of itself."""
    import safetensors
    import torch
    from safetensors.torch import load_file

    from lightning_cifar.classifiers import VARIANTS

    with safetensors.safe_open(path, "pt") as file:
        description = json.loads(file.metadata()["model"])
    weights = load_file(path)
    members = description.get("members", [description])
    classifiers = [VARIANTS[each.pop("variant")](**each).eval() for each in members]
    for number, classifier in enumerate(classifiers):
        prefix = f"members.{number}." if "members" in description else ""
        own = {name: each for name, each in weights.items() if name.startswith(prefix)}
        classifier.load_state_dict({name.removeprefix(prefix): each for name, each in own.items()})

    def logits(images):
        with torch.no_grad():
            raw = torch.from_numpy(images)
            found = [classifier(raw) for classifier in classifiers]
            if "members" not in description:
                return found[0].numpy()
            return sum(each.softmax(1) for each in found).div(len(found)).log().numpy()

    return logits


READERS = {".onnx": read_onnx, ".pt2": read_torch_export, ".safetensors": read_safetensors}


def logits_of(path, images):
    """Logits of the first image, of the first seven and of all, each in a batch of its own."""
    network = READERS[Path(path).suffix](Path(path))
    return [network(images[:size]) for size in BATCH_SIZES]


def main(images, out, *files):
    """Write the logits of each file."""
    raw = np.load(images)
    found = {}
    for file in files:
        for size, logits in zip(BATCH_SIZES, logits_of(file, raw), strict=True):
            found[f"{Path(file).name} {size}"] = logits
    np.savez(out, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
