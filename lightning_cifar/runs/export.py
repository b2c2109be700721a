"""A trained network as a file for other programs, checked against the original on a batch."""

import copy
import importlib
import io
import json
from collections.abc import Callable, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from lightning_cifar.errors import InputError
from lightning_cifar.files import write_atomically
from lightning_cifar.runs.export_formats import ExportFormat

# Other programs sum in another order. Relative to the largest logit, or to 1 if that is smaller.
TOLERANCE = 1e-4

Model = Callable[[Tensor], Tensor]


def export(
    module: nn.Module,
    path: Path,
    *,
    format: ExportFormat,
    batch: Tensor,
    description: Mapping[str, object],
) -> float:
    """Write the module to ``path`` and return the largest relative difference on ``batch``.

    The module takes raw uint8 images (images, 3, size, size); ``batch`` is at least two of these,
    and the file serves batches of any size. ``"safetensors"`` holds only the weights, and the
    ``description`` (variant, depth, width, …) as JSON in its metadata under the key ``"model"``.
    The file's content is read back for the check, and written only if it passes. Writer and check
    have a copy of the module each: what a writer does to its own shows as a difference.

    Raises:
        InputError: another format, a batch that is not raw images, or a package is missing.
        RuntimeError: the exported network computes something else than the original.
    """
    if format not in get_args(ExportFormat):
        raise InputError(f"format must be onnx, torch-export or safetensors, got {format!r}")
    if batch.dtype != torch.uint8 or batch.dim() != 4 or len(batch) < 2:
        raise InputError(
            "the batch to check must be two or more uint8 images (images, 3, size, size), got "
            f"{batch.dtype} of shape {tuple(batch.shape)}"
        )
    original = copy.deepcopy(module).cpu().eval()
    images = batch.cpu()
    content = WRITERS[format](copy.deepcopy(module).cpu().eval(), images, description)
    exported = READERS[format](content, original)
    difference = largest_difference(original, exported, images)
    write_atomically(path, lambda file: file.write(content))
    return difference


def largest_difference(original: Model, exported: Model, batch: Tensor) -> float:
    """The largest difference of a logit, relative to the largest logit (at least to 1).

    On the batch, on all but one of its images and on one alone, as a file may serve only the size
    that it was made with.

    Raises:
        RuntimeError: it is not within the tolerance, or not a number.
    """
    with torch.no_grad():
        pairs = [(original(part), exported(part)) for part in (batch, batch[:-1], batch[:1])]
    differences = [
        (expected - found).abs().max() / expected.abs().max().clamp_min(1)
        for expected, found in pairs
    ]
    # Python's max may pass over what is no number.
    difference = float(torch.stack(differences).max())
    if not difference <= TOLERANCE:
        raise RuntimeError(
            f"the exported network differs from the original by {difference:.1e}, the limit is "
            f"{TOLERANCE:.0e}; nothing was written"
        )
    return difference


def onnx_file(module: nn.Module, batch: Tensor, description: Mapping[str, object]) -> bytes:
    """The network as ONNX."""
    for package in ("onnx", "onnxscript", "onnxruntime"):
        optional(package)
    program = torch.onnx.export(
        module,
        (batch,),
        input_names=["images"],
        output_names=["logits"],
        dynamic_shapes=({0: torch.export.Dim("batch")},),
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise RuntimeError("the ONNX exporter returned nothing; nothing was written")
    proto = program.model_proto
    for key, value in description.items():
        text = json.dumps(value) if isinstance(value, list) else str(value)
        proto.metadata_props.add(key=key, value=text)
    content: bytes = proto.SerializeToString()
    return content


def read_onnx(content: bytes, original: nn.Module) -> Model:
    """The network that onnxruntime makes of the bytes."""
    runtime = optional("onnxruntime")
    session = runtime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


def torch_export_file(module: nn.Module, batch: Tensor, description: Mapping[str, object]) -> bytes:
    """Bytes of ``torch.export.save``."""
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.export.export(module, (batch,), dynamic_shapes=shapes)
    file = io.BytesIO()
    torch.export.save(program, file, extra_files={"model.json": json.dumps(dict(description))})
    return file.getvalue()


def read_torch_export(content: bytes, original: nn.Module) -> Model:
    """The network that ``torch.export.load`` makes of the bytes."""
    return torch.export.load(io.BytesIO(content)).module()


def safetensors_file(module: nn.Module, batch: Tensor, description: Mapping[str, object]) -> bytes:
    """Bytes of the weights and statistics."""
    safetensors = optional("safetensors.torch")
    weights = {name: weight.contiguous().clone() for name, weight in module.state_dict().items()}
    content: bytes = safetensors.save(weights, metadata={"model": json.dumps(dict(description))})
    return content


def read_safetensors(content: bytes, original: nn.Module) -> Model:
    """A network built as the original, with nothing of its numbers but what the bytes hold."""
    safetensors = optional("safetensors.torch")
    loaded = copy.deepcopy(original)
    with torch.no_grad():
        for values in chain(loaded.parameters(), loaded.buffers()):
            values.fill_(torch.nan if values.is_floating_point() else 0)
    loaded.load_state_dict(safetensors.load(content))
    return loaded


Writer = Callable[[nn.Module, Tensor, Mapping[str, object]], bytes]
WRITERS: dict[ExportFormat, Writer] = {
    "onnx": onnx_file,
    "torch-export": torch_export_file,
    "safetensors": safetensors_file,
}
READERS: dict[ExportFormat, Callable[[bytes, nn.Module], Model]] = {
    "onnx": read_onnx,
    "torch-export": read_torch_export,
    "safetensors": read_safetensors,
}


def optional(package: str) -> Any:
    """Import a package of the extra ``export``; InputError if it is not installed."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise InputError(
            f"this export needs the package {package.split('.')[0]}, which is not installed; "
            "install it with: pip install 'lightning-cifar[export]'"
        ) from error
