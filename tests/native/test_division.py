"""Threads wait for one another wherever one needs what another makes."""

import ctypes

import pytest
import torch
from backprop_samples import BUILDERS, images_of, layers_and_optimiser, network_of, standardisation
from controls import assert_rejects
from kernel_samples import needs_compiler

from lightning_cifar.backprop.compiled import Compiled
from lightning_cifar.backprop.step import Backpropagation

pytestmark = needs_compiler
ORDERS = {"forwards": list, "backwards": lambda parts: list(reversed(parts))}
SIZES = (
    {"batch": 6, "width": 5},
    {"batch": 9, "width": 9, "members": 3},
    {"batch": 4, "width": 4, "members": 4},
    {"batch": 7, "width": 5, "members": 2, "own_images": True},
    {"batch": 5, "width": 1, "members": 5},
    {"batch": 10, "width": 10},
)


def stretches(operations):
    """Runs of operations between which nobody waits."""
    found = []
    for place, each in enumerate(operations):
        if place == 0 or each.waits:
            found.append([])
        found[-1].append(each)
    return found


def step_of(variant, batch, width, members=1, own_images=False):
    """A recorded step with other images' numbers in it, its parameters, and a step's results.

    The images of that step are in place, so that it could be made again.
    """
    networks = [network_of(variant, 3, width, seed) for seed in range(members)]
    layers, optimiser, _ = layers_and_optimiser(networks, "cpu")
    totals = torch.zeros(2, members, dtype=torch.float64)
    step = Backpropagation(layers, standardisation(), optimiser, members, totals)
    step.prepare()
    mine, others = (images_of(number, batch, members if own_images else None) for number in (0, 1))
    losses = step(*mine).clone()
    gradients = [each.grad.clone() for each in layers.parameters()]
    step(*others)
    (recorded,) = step.batches.values()
    recorded.load(*mine)
    return recorded, list(layers.parameters()), [losses, *gradients]


def one_thread_after_another(variant, threads, order, sizes, forgets=False):
    """Each thread makes all of a stretch before the next one begins: the worst that can happen.

    forgets: nobody waits for anybody.
    """

    def check():
        recorded, parameters, expected = step_of(variant, **sizes)
        for call in recorded.calls:
            if not isinstance(call, Compiled):
                call()
                continue
            if forgets:
                for each in call.operations:
                    each.waits = 0
            for stretch in stretches(call.operations):
                for part in ORDERS[order](range(threads)):
                    for each in stretch:
                        call.library.loaded.run_part(ctypes.byref(each), part, threads)
        results = [recorded.losses, *(each.grad for each in parameters)]
        assert all(torch.equal(*both) for both in zip(results, expected, strict=True))

    return check


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("variant", sorted(BUILDERS))
def test_no_thread_needs_what_another_has_yet_to_make(variant, order, threads, sizes):
    one_thread_after_another(variant, threads, order, sizes)()


@pytest.mark.parametrize("variant", sorted(BUILDERS))
def test_control_threads_that_do_not_wait_are_noticed(variant):
    """Of a single network, where images meet in the loss and in the gradients of weights."""
    assert_rejects(one_thread_after_another(variant, 2, "forwards", SIZES[0], forgets=True))


def waiting(variant, **sizes):
    (compiled,) = (
        each for each in step_of(variant, **sizes)[0].calls if isinstance(each, Compiled)
    )
    return sum(each.waits for each in compiled.operations[1:])


def test_threads_wait_a_few_times_in_a_step_however_deep():
    """Each time costs as long as another program has the other core."""
    assert waiting("elu", batch=6, width=5) == 4, "first product, loss on both sides, weights"
    assert waiting("batch_norm", batch=6, width=5, members=3) <= 3
