"""Exported files compute what the original computes, on raw images, in any batch size."""

import copy
import importlib
import json

import pytest
import torch
from controls import assert_rejects
from exported_files import skip_without_packages
from torch import nn

from lightning_cifar.errors import InputError
from lightning_cifar.networks import alpha_dropout_network, batch_norm_network
from lightning_cifar.runs import export as export_module
from lightning_cifar.runs.export import export, largest_difference
from lightning_cifar.runs.export_formats import SUFFIXES

DESCRIPTION = {"variant": "batch_norm", "depth": 2, "width": 6}


class Standardised(nn.Module):
    """Raw images to logits, as the trained modules are."""

    def __init__(self, network):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor([120.0, 125.0, 130.0])[:, None, None])

    def forward(self, images):
        return self.network((images.float() - self.mean) / 60)


def module_of(build, *arguments, seed=0):
    module = Standardised(build(2, 6, torch.Generator().manual_seed(seed), *arguments))
    generator = torch.Generator().manual_seed(1)
    for name, buffer in module.named_buffers():
        if name.endswith("running_var"):
            buffer.copy_(torch.rand(buffer.shape, generator=generator) + 0.5)
    return module


@pytest.fixture
def module():
    return module_of(batch_norm_network)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(2)
    return torch.randint(256, (4, 3, 32, 32), generator=generator, dtype=torch.uint8)


def original_logits(module, batch):
    with torch.no_grad():
        return module.eval()(batch)


def read_safetensors(path, module):
    safetensors = pytest.importorskip("safetensors.torch", reason="optional extra 'export'")
    fresh = module_of(batch_norm_network, seed=9)
    fresh.load_state_dict(safetensors.load_file(path))
    return fresh.eval()


def read_torch_export(path, module):
    return torch.export.load(path).module()


def read_onnx(path, module):
    runtime = pytest.importorskip("onnxruntime", reason="optional extra 'export'")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [item.name for item in session.get_inputs()] == ["images"]
    return lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0])


READERS = {
    "onnx": read_onnx,
    "torch-export": read_torch_export,
    "safetensors": read_safetensors,
}


FORMATS = [pytest.param("onnx", marks=pytest.mark.slow), "torch-export", "safetensors"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_file_computes_the_original(name, module, batch, tmp_path):
    skip_without_packages(name)
    path = tmp_path / f"model{SUFFIXES[name]}"
    expected = original_logits(module, batch)
    module.train()
    state = torch.get_rng_state()
    difference = export(module, path, format=name, batch=batch, description=DESCRIPTION)
    assert difference <= 1e-4
    assert module.training
    assert torch.equal(torch.get_rng_state(), state)
    exported = READERS[name](path, module)
    for images in (batch, batch[:1], batch.repeat(3, 1, 1, 1)):
        expected = original_logits(module, images)
        with torch.no_grad():
            assert torch.allclose(exported(images), expected, atol=1e-4)


def test_safetensors_describe_the_network(module, batch, tmp_path):
    safetensors = pytest.importorskip("safetensors", reason="optional extra 'export'")
    path = tmp_path / "model.safetensors"
    export(module, path, format="safetensors", batch=batch, description=DESCRIPTION)
    with safetensors.safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["model"]) == DESCRIPTION


def test_dropout_is_off_in_the_file(batch, tmp_path):
    module = module_of(alpha_dropout_network, 0.5, True).train()
    path = tmp_path / "model.pt2"
    export(module, path, format="torch-export", batch=batch, description=DESCRIPTION)
    exported = read_torch_export(path, module)
    with torch.no_grad():
        assert torch.equal(exported(batch), exported(batch))


def passes_the_comparison(exported, module, batch):
    def check():
        try:
            largest_difference(module.eval(), exported, batch)
        except RuntimeError as error:
            raise AssertionError from error

    return check


def test_other_networks_do_not_pass(module, batch):
    passes_the_comparison(module, module, batch)()
    other = module_of(batch_norm_network, seed=5).eval()
    mutants = [
        other,
        lambda images: module(images) * 1.001,
        lambda images: module(images) * torch.nan,
        lambda images: module(images) * (1 if len(images) == len(batch) else torch.nan),
        lambda images: module(images.float() / 255),
        # Right for some sizes only, as a file that was made from a batch of one size.
        lambda images: module(images) if len(images) == 4 else module(images) + 1,
        lambda images: module(images) if len(images) in (1, 4) else module(images) + 1,
    ]
    for mutant in mutants:
        assert_rejects(passes_the_comparison(mutant, module, batch))


def test_a_file_that_differs_is_not_written(module, batch, tmp_path, monkeypatch):
    def shifted(content, original):
        return lambda images: original(images) + 1

    monkeypatch.setitem(export_module.READERS, "safetensors", shifted)
    path = tmp_path / "model.safetensors"
    with pytest.raises(RuntimeError, match=r"differs from the original by \d"):
        export(module, path, format="safetensors", batch=batch, description=DESCRIPTION)
    assert list(tmp_path.iterdir()) == []


def without_statistics(module):
    """Buffers as a new module has them: nothing subtracted, variances of 1."""
    for name, buffer in module.named_buffers():
        buffer.fill_(1 if name.endswith("running_var") else 0)


def while_training(module):
    """A module that still trains."""
    module.train()


def other_weights(module):
    """The last layer with its signs turned."""
    with torch.no_grad():
        list(module.parameters())[-2].neg_()


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        pytest.param("onnx", without_statistics, marks=pytest.mark.slow),
        ("torch-export", without_statistics),
        ("torch-export", other_weights),
        ("torch-export", while_training),
        ("safetensors", without_statistics),
        ("safetensors", other_weights),
    ],
)
def test_a_writer_that_spoils_its_copy_is_found_out(
    name, spoil, module, batch, tmp_path, monkeypatch
):
    """The check compares the file with the module that was given, not with the writer's copy."""
    skip_without_packages(name)
    write = export_module.WRITERS[name]

    def spoilt(copied, *arguments):
        spoil(copied)
        return write(copied, *arguments)

    monkeypatch.setitem(export_module.WRITERS, name, spoilt)
    state = copy.deepcopy(module.state_dict())
    with pytest.raises(RuntimeError, match=r"differs from the original by \d"):
        export(module, tmp_path / "model", format=name, batch=batch, description=DESCRIPTION)
    assert list(tmp_path.iterdir()) == []
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())


def test_numbers_that_safetensors_leave_out_are_missed(module, batch, tmp_path):
    """A buffer outside the state is in no file, and is not borrowed from the original."""
    module.register_buffer("mean", module.mean, persistent=False)
    with pytest.raises(RuntimeError, match="differs from the original by nan"):
        export(module, tmp_path / "m", format="safetensors", batch=batch, description=DESCRIPTION)


def test_unusable_requests_are_refused(module, batch, tmp_path):
    path = tmp_path / "model"
    with pytest.raises(InputError, match="onnx, torch-export or safetensors, got 'pickle'"):
        export(module, path, format="pickle", batch=batch, description={})
    for wrong in (batch.float(), batch[0], batch[:1]):
        with pytest.raises(InputError, match="two or more uint8 images"):
            export(module, path, format="safetensors", batch=wrong, description={})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["onnx", "safetensors"])
def test_a_missing_package_is_named_with_its_remedy(name, module, batch, tmp_path, monkeypatch):
    def absent(package):
        raise ImportError(package)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(InputError, match=rf"needs the package {name}.*lightning-cifar\[export\]"):
        export(module, tmp_path / "model", format=name, batch=batch, description={})
