import hashlib

import pytest
import torch
from controls import assert_rejects
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.classifiers import AlphaDropoutClassifier
from lightning_cifar.seeds import derived_seed, seed_generators


def draws_what_pytorch_draws(seed_all):
    def check():
        for seed in (0, 1, 2**32 - 1):
            torch.manual_seed(seed)
            expected = torch.rand(3)
            seed_all(seed)
            assert torch.equal(torch.rand(3), expected)

    return check


def test_seeded_generators_draw_as_after_manual_seed():
    draws_what_pytorch_draws(lambda seed: seed_generators(seed, torch.device("cpu")))()


def test_control_another_seed_is_rejected():
    assert_rejects(
        draws_what_pytorch_draws(lambda seed: seed_generators(seed ^ 1, torch.device("cpu")))
    )


def test_steps_with_dropout_note_no_stack_trace_for_devices_not_in_use(tmp_path, monkeypatch):
    noted = []
    monkeypatch.setattr(torch.cuda.random, "_lazy_call", lambda *_, **__: noted.append(1))
    torch.manual_seed(0)
    assert noted, "the control: PyTorch's own function notes one"
    trainer = small_trainer(tmp_path)
    noted.clear()
    trainer.fit(small_classifier(AlphaDropoutClassifier), small_data())
    assert len(noted) < trainer.global_step


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_a_gpus_generator_is_seeded_too():
    seed_generators(5, torch.device("cuda"))
    first = torch.rand(3, device="cuda")
    seed_generators(5, torch.device("cuda"))
    assert torch.equal(torch.rand(3, device="cuda"), first)


def is_the_seed_of_every_version(derived):
    """A run goes on with the masks and the order with which it began, whatever the version."""
    digest = hashlib.blake2b(b"3/dropout/7", digest_size=4).digest()
    assert derived(3, "dropout", 7) == sum(byte << 8 * place for place, byte in enumerate(digest))


def test_a_derived_seed_is_that_of_earlier_versions():
    is_the_seed_of_every_version(derived_seed)


def test_control_bytes_in_another_order_are_noticed():
    def reversed_bytes(*parts):
        return int.from_bytes(derived_seed(*parts).to_bytes(4, "little"), "big")

    assert_rejects(lambda: is_the_seed_of_every_version(reversed_bytes))
