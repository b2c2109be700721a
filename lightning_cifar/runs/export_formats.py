"""The forms in which a network is handed on, by name; known before torch is imported."""

from typing import Literal

ExportFormat = Literal["onnx", "torch-export", "safetensors"]
SUFFIXES: dict[ExportFormat, str] = {
    "onnx": ".onnx",
    "torch-export": ".pt2",
    "safetensors": ".safetensors",
}
