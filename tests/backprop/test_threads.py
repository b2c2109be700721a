"""A step uses the threads that its rows can keep busy."""

import pytest
import torch
from controls import assert_rejects
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.backprop import module
from lightning_cifar.backprop.threads import threads_for
from lightning_cifar.classifiers import BatchNormClassifier


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("rows", "threads"), [(2, 1), (32, 1), (63, 1), (64, 2), (128, 4), (999, 4)]
)
def test_a_thread_for_every_32_rows(four_threads, rows, threads):
    with threads_for(rows, torch.device("cpu")):
        assert torch.get_num_threads() == threads
    assert torch.get_num_threads() == 4


def test_all_threads_are_back_after_an_error(four_threads):
    with pytest.raises(KeyError), threads_for(1, torch.device("cpu")):
        raise KeyError
    assert torch.get_num_threads() == 4


def test_another_device_keeps_its_threads(four_threads):
    with threads_for(1, torch.device("meta")):
        assert torch.get_num_threads() == 4


def used(tmp_path, monkeypatch, rule):
    """Threads within the updates of a fit with batches of 32, and after it."""
    seen = set()
    update = module.HandTrained._update

    def watched(self, *arguments):
        seen.add(torch.get_num_threads())
        update(self, *arguments)

    monkeypatch.setattr(module, "threads_for", rule)
    monkeypatch.setattr(module.HandTrained, "_update", watched)
    classifier = small_classifier(BatchNormClassifier)
    small_trainer(tmp_path).fit(classifier, small_data(batch_size=32))
    return seen, torch.get_num_threads()


def test_a_fit_makes_small_steps_with_one_thread(four_threads, tmp_path, monkeypatch):
    def check(rule):
        assert used(tmp_path, monkeypatch, rule) == ({1}, 4)

    check(threads_for)
    assert_rejects(lambda: check(lambda rows, device: threads_for(4 * rows, device)))
