"""On an NVIDIA GPU the same things come out as on the CPU; skipped where there is none.

Compared in double precision, where the two devices differ by rounding alone.
"""

import copy

import pytest
import torch
from backprop_samples import (
    broken_graph,
    leave_out_a_product,
    step_of,
    trains_as_autograd,
)
from controls import assert_rejects
from dropout_networks import SAMPLERS, cached_shared, images_from, network_with
from lightning.pytorch import Callback
from small_runs import small_classifier, small_data, small_trainer
from torch import nn
from torch.nn import functional

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.data import placement
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.rate_search.find import find_rate
from lightning_cifar.runs.records import read_record
from lightning_cifar.runs.resuming import newest_undamaged
from lightning_cifar.stack.fit import fit_stack
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.resume import ResumePoint
from lightning_cifar.training.run_record import WriteRunRecord
from lightning_cifar.uncertainty.evaluation import load_classifier

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU"),
]
CONFIG = {"seed_everything": 0, "data": {"batch_size": 16}}
EPOCHS = 5  # of four batches each: 20 steps
RATES = (1e-3, 3e-3, 5e-4)
BATCH_NORM_NEAR = 1e-7  # its moments are summed in another order, by other algorithms
NEAR = 1e-9


@pytest.fixture
def double_precision():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def largest_difference(mine, theirs):
    """Over two dictionaries of tensors on any device."""
    return max(float((mine[name].cpu() - theirs[name].cpu()).abs().max()) for name in theirs)


def members_of(variant):
    return [
        small_classifier(VARIANTS[variant], seed=seed, learning_rate=rate).double()
        for seed, rate in enumerate(RATES)
    ]


def stack_on(accelerator, variant, folder, **options):
    arguments = {"seeds": (3, 5, 8), "max_epochs": EPOCHS, "patience": EPOCHS} | options
    data = small_data(flip=True, shift=2)
    folder = folder / accelerator
    return fit_stack(members_of(variant), data, folder=folder, accelerator=accelerator, **arguments)


def same_on_both(variant, folder, **on_gpu):
    def check():
        pairs = zip(
            stack_on("gpu", variant, folder, **on_gpu),
            stack_on("cpu", variant, folder),
            strict=True,
        )
        for gpu, cpu in pairs:
            assert gpu.best_epoch == cpu.best_epoch
            assert gpu.device != cpu.device
            networks = [fit.classifier.network.state_dict() for fit in (gpu, cpu)]
            near = BATCH_NORM_NEAR if variant == "batch_norm" else NEAR
            assert largest_difference(*networks) < near

    return check


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("variant", VARIANTS)
def test_stack_trains_as_on_the_cpu(tmp_path, variant):
    """Order of the images, augmentation, dropout masks and arithmetic included."""
    same_on_both(variant, tmp_path)()


@pytest.mark.usefixtures("double_precision")
def test_control_other_seeds_are_noticed(tmp_path):
    assert_rejects(same_on_both("alpha_dropout", tmp_path, seeds=(3, 5, 9)))


def fitted_on(accelerator, classifier, data):
    trainer = small_trainer(data.cache / accelerator, max_epochs=EPOCHS, accelerator=accelerator)
    trainer.fit(classifier, data)
    return classifier.network.state_dict()


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("variant", ["elu", "batch_norm", "selu"])
def test_single_fit_trains_as_on_the_cpu(tmp_path, variant):
    classifier = small_classifier(VARIANTS[variant], learning_rate=3e-3).double()
    gpu, cpu = (
        fitted_on(accelerator, copy.deepcopy(classifier), small_data(cache=str(tmp_path)))
        for accelerator in ("gpu", "cpu")
    )
    assert largest_difference(gpu, classifier.network.state_dict()) > 1e-3, "nothing was learned"
    assert largest_difference(gpu, cpu) < (BATCH_NORM_NEAR if variant == "batch_norm" else NEAR)


class Devices(Callback):
    """Notes where the batches of a fit are."""

    def __init__(self):
        self.seen = set()

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.seen |= {part.device.type for part in batch}


def test_images_lie_on_the_gpu(tmp_path):
    data, devices = small_data(), Devices()
    small_trainer(tmp_path, [devices], accelerator="gpu").fit(small_classifier(), data)
    assert devices.seen == {"cuda"}
    assert data.train_images.images.device.type == "cuda", "copied again for every batch"


def test_images_that_do_not_fit_on_the_gpu_train_alike(tmp_path, monkeypatch, capsys):
    fits, does_not = small_data(cache=str(tmp_path)), small_data(cache=str(tmp_path))
    classifier = small_classifier()
    expected = fitted_on("gpu", copy.deepcopy(classifier), fits)
    monkeypatch.setattr(placement, "free_bytes", lambda _: 0)
    weights = fitted_on("gpu", copy.deepcopy(classifier), does_not)
    assert fits.train_images.device.type == "cuda"
    assert does_not.train_images.device.type == "cpu"
    assert "do not fit into half of the free memory of cuda:0" in capsys.readouterr().err
    assert all(torch.equal(weights[name], expected[name]) for name in expected)


class Blackout(Exception):
    """The end of a process."""


class Crash(Callback):
    """Ends a fit in its second epoch."""

    def on_train_batch_end(self, trainer, *_):
        if trainer.current_epoch == 1:
            raise Blackout


def resumable_fit(folder, *, crash=False, checkpoint=None):
    folder.mkdir(exist_ok=True)
    callbacks = [BestWeights(patience=5), WriteRunRecord(CONFIG), ResumePoint()]
    callbacks = [Crash(), *callbacks] if crash else callbacks
    classifier = small_classifier(
        VARIANTS["alpha_dropout"], learning_rate=1e-2, dropout_everywhere=True
    )
    trainer = small_trainer(folder, callbacks, max_epochs=3, accelerator="gpu")
    trainer.fit(classifier, small_data(), ckpt_path=checkpoint)
    return classifier.state_dict()


def test_resumed_fit_is_identical(tmp_path):
    """The masks too, which PyTorch draws on the GPU."""
    whole = resumable_fit(tmp_path / "whole")
    with pytest.raises(Blackout):
        resumable_fit(tmp_path / "broken", crash=True)
    path, _ = newest_undamaged(tmp_path / "broken")
    resumed = resumable_fit(tmp_path / "broken", checkpoint=path)
    assert all(torch.equal(resumed[name], whole[name]) for name in whole)


def test_a_run_of_the_gpu_opens_on_the_cpu(tmp_path):
    classifier = small_classifier()
    callbacks = [BestWeights(patience=5), WriteRunRecord(CONFIG)]
    small_trainer(tmp_path, callbacks, accelerator="gpu").fit(classifier, small_data())
    assert read_record(tmp_path / "record.json").device == torch.cuda.get_device_name()
    loaded = load_classifier(tmp_path)
    assert {tensor.device.type for tensor in loaded.state_dict().values()} == {"cpu"}
    assert largest_difference(loaded.state_dict(), classifier.state_dict()) == 0


def steps_as_torch(make):
    """Twenty steps of a small network against PyTorch's NAdam, both on the GPU."""

    def check():
        ours = nn.Sequential(nn.Linear(6, 5), nn.ELU(), nn.Linear(5, 4)).to("cuda", torch.float64)
        theirs = copy.deepcopy(ours)
        optimisers = [make(ours.parameters()), torch.optim.NAdam(theirs.parameters(), lr=1e-2)]
        generator = torch.Generator("cuda").manual_seed(0)
        for _ in range(20):
            inputs = torch.randn(8, 6, generator=generator, device="cuda", dtype=torch.float64)
            labels = torch.randint(4, (8,), generator=generator, device="cuda")
            for network, optimiser in zip((ours, theirs), optimisers, strict=True):
                optimiser.zero_grad()
                functional.cross_entropy(network(inputs), labels).backward()
                optimiser.step()
        assert largest_difference(ours.state_dict(), theirs.state_dict()) < NEAR

    return check


def test_flat_nadam_is_torch_s():
    steps_as_torch(lambda weights: FlatNAdam(weights, lr=1e-2))()


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("variant", VARIANTS)
def test_captured_steps_are_those_of_autograd(variant, members):
    trains_as_autograd(variant, members=members, device="cuda", own_images=members > 1)()


def test_control_a_captured_step_that_leaves_a_product_out_is_noticed(monkeypatch):
    leave_out_a_product(monkeypatch)
    assert_rejects(trains_as_autograd("elu", device="cuda"))


def test_steps_are_captured(monkeypatch):
    """On a GPU a batch is a single call; where capturing fails, the calls are made one by one."""
    calls, _ = step_of("elu", device="cuda")
    assert len(calls) == 1
    monkeypatch.setattr(torch.cuda, "CUDAGraph", broken_graph)
    calls, _ = step_of("elu", device="cuda")
    assert len(calls) > 10


def test_control_adam_is_not_nadam():
    assert_rejects(steps_as_torch(lambda weights: torch.optim.Adam(weights, lr=1e-2)))


@pytest.mark.parametrize("variant", VARIANTS)
def test_search_finds_the_rate_of_the_cpu(variant):
    data = small_data()
    data.setup("fit")
    rates = [
        find_rate(
            small_classifier(VARIANTS[variant]), data, torch.device(device), candidates=3, epochs=1
        ).rate
        for device in ("cuda", "cpu")
    ]
    assert rates[0] == pytest.approx(rates[1], rel=1e-6)


@pytest.mark.parametrize("dropout", [nn.Dropout, nn.AlphaDropout])
def test_shared_masks_are_those_of_the_cpu(dropout):
    network, images = network_with(dropout), images_from(1)
    cpu = cached_shared(network, images, samples=7, seed=2)
    gpu = cached_shared(network.cuda(), images.cuda(), samples=7, seed=2)
    other = cached_shared(network, images.cuda(), samples=7, seed=3)
    assert float((gpu.cpu() - cpu).abs().max()) < NEAR
    assert float((other.cpu() - cpu).abs().max()) > 1e-3, "the seed does nothing"


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_samples_are_repeatable_and_leave_the_global_generator_alone(sampler):
    network, images = network_with(nn.AlphaDropout).cuda(), images_from(1).cuda()
    before = torch.cuda.get_rng_state()
    first, again = (sampler(network, images, samples=5, seed=4) for _ in range(2))
    assert torch.equal(first, again)
    assert float(first.std(dim=1).max()) > 1e-3, "every sample is the same"
    assert torch.equal(before, torch.cuda.get_rng_state())
