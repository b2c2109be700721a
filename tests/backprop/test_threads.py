"""A step uses the threads that its rows can keep busy."""

import shutil

import pytest
import torch
from controls import assert_rejects
from kernel_samples import without_kernels
from small_runs import small_classifier, small_data, small_trainer

from lightning_cifar.backprop import module, threads
from lightning_cifar.backprop.threads import threads_for
from lightning_cifar.classifiers import BatchNormClassifier


@pytest.fixture
def four_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(4)
    yield
    torch.set_num_threads(before)


@pytest.fixture(params=[16, 32], ids=["compiled", "PyTorch"])
def rows_per_thread(request, monkeypatch):
    """As with kernels of either kind."""
    found = object() if request.param == 16 else None
    monkeypatch.setattr(threads, "kernels", lambda like: found)
    return request.param


def used_by(rows, like):
    with threads_for(rows, like):
        return torch.get_num_threads()


@pytest.mark.parametrize(
    ("rows", "wanted"), [(1 / 16, 1), (1, 1), (63 / 32, 1), (2, 2), (4, 4), (31, 4)]
)
def test_a_thread_for_so_many_rows(four_threads, rows_per_thread, rows, wanted):
    assert used_by(int(rows * rows_per_thread), torch.zeros(1)) == wanted
    assert torch.get_num_threads() == 4


def test_all_threads_are_back_after_an_error(four_threads):
    with pytest.raises(KeyError), threads_for(1, torch.zeros(1)):
        raise KeyError
    assert torch.get_num_threads() == 4


def test_another_device_keeps_its_threads(four_threads):
    assert used_by(1, torch.zeros(1, device="meta")) == 4


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
    small_trainer(tmp_path).fit(classifier, small_data(train=74, batch_size=32))
    return seen, torch.get_num_threads()


@pytest.mark.parametrize("kernels", ["compiled", "PyTorch's"])
def test_a_fit_uses_the_threads_of_its_rows(four_threads, tmp_path, monkeypatch, kernels):
    if kernels == "compiled":
        if shutil.which("cc") is None:
            pytest.skip("there is no C compiler cc")
    else:
        without_kernels(monkeypatch)

    def check(rule):
        assert used(tmp_path, monkeypatch, rule) == ({2 if kernels == "compiled" else 1}, 4)

    check(threads_for)
    assert_rejects(lambda: check(lambda rows, like: threads_for(4 * rows, like)))
