"""Steps by hand beside steps of autograd and PyTorch's own NAdam."""

import copy
from functools import partial

import torch
from torch import nn
from torch.nn import functional

from lightning_cifar import networks
from lightning_cifar.backprop import step as backprop_step
from lightning_cifar.backprop.step import Backpropagation
from lightning_cifar.backprop.tape import Tape
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.stack.network import StackedNetwork
from lightning_cifar.standardise import Standardise

RATE, STEPS, NEAR = 1e-2, 20, 1e-9
BUILDERS = {
    "elu": networks.elu_network,
    "batch_norm": networks.batch_norm_network,
    "selu": networks.selu_network,
    "alpha_dropout": partial(
        networks.alpha_dropout_network, dropout_rate=0.0, dropout_everywhere=False
    ),
}


def network_of(variant, depth=3, width=5, seed=0):
    """A small network in float64, with biases and batch statistics that are not 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    network = BUILDERS[variant](depth, width, generator).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    return network


def standardisation():
    layer = Standardise().double()
    layer.adopt(torch.full((3, 32, 32), 120.0), torch.full((3, 32, 32), 70.0))
    return layer


def images_of(step, batch, members=None, device="cpu"):
    generator = torch.Generator().manual_seed(step)
    shape = (batch,) if members is None else (members, batch)
    images = torch.randint(256, (*shape, 3, 32, 32), generator=generator, dtype=torch.uint8)
    return images.to(device), torch.randint(10, shape, generator=generator).to(device)


def class_weights(device):
    """From a fifth of the usual weight to three times it."""
    return torch.linspace(0.2, 3, 10, dtype=torch.float64, device=device)


def layers_and_optimiser(networks_, device):
    """The layers that are trained by hand, their optimiser, and how to read a member's state."""
    if len(networks_) == 1:
        network = networks_[0].to(device)
        return network, FlatNAdam(network.parameters(), lr=RATE), lambda _: network.state_dict()
    stack = StackedNetwork(networks_).to(device).train()
    rates = torch.ones(len(networks_))
    optimiser = FlatNAdam(stack.parameter_groups(), lr=RATE, rates=rates)
    return stack.layers, optimiser, stack.member_state


def trains_as_autograd(
    variant,
    *,
    members=1,
    depth=3,
    width=5,
    batch=6,
    own_images=False,
    device="cpu",
    parts=1,
    weighted=False,
):
    """A check of losses and gradients at every step, and of the weights after all of them."""

    def check():
        theirs = [network_of(variant, depth, width, seed).to(device) for seed in range(members)]
        layers, optimiser, state_of = layers_and_optimiser(copy.deepcopy(theirs), device)
        standardise = standardisation().to(device)
        totals = torch.zeros(2, members, dtype=torch.float64, device=device)
        weights = class_weights(device) if weighted else None
        step = Backpropagation(layers, standardise, optimiser, members, totals, weights)
        references = [torch.optim.NAdam(each.parameters(), lr=RATE) for each in theirs]
        expected_losses = torch.zeros(members, dtype=torch.float64, device=device)
        for number in range(STEPS):
            step.prepare()
            for reference in references:
                reference.zero_grad()
            for part in range(parts):
                images, labels = images_of(
                    number * parts + part, batch, members if own_images else None, device
                )
                losses = step(images, labels, share=1 / parts).clone()
                if parts > 1:
                    step.accumulate(part, part == parts - 1)
                for member, network in enumerate(theirs):
                    mine = (images[member], labels[member]) if own_images else (images, labels)
                    logits = network(standardise(mine[0]))
                    loss = functional.cross_entropy(logits, mine[1], weight=weights)
                    (loss / parts).backward()
                    assert abs(float(losses[member] - loss.detach())) < NEAR
                    expected_losses[member] += loss.detach() * batch
            for member, network in enumerate(theirs):
                assert_gradients_agree(layers, member if members > 1 else None, network)
            for each in (optimiser, *references):
                each.step()
        assert torch.allclose(totals[0], expected_losses, rtol=0, atol=NEAR * STEPS * batch)
        for member, network in enumerate(theirs):
            assert_same_state(state_of(member), network.state_dict())

    return in_double(check)


def in_double(check):
    """PyTorch's NAdam keeps its momentum product in the default dtype, whatever the weights'."""

    def checked():
        torch.set_default_dtype(torch.float64)
        try:
            check()
        finally:
            torch.set_default_dtype(torch.float32)

    return checked


def assert_gradients_agree(layers, member, network):
    ours = [each.grad if member is None else each.grad[member] for each in layers.parameters()]
    for mine, other in zip(ours, network.parameters(), strict=True):
        assert mine.shape == other.shape
        assert float((mine - other.grad).abs().max()) < NEAR


def assert_same_state(ours, theirs):
    """Where the input is normalised, its shift has a gradient of 0, which is rounded to anything.

    NAdam makes full steps of that; the next normalisation takes the shift away again.
    """
    without = ("1.bias", "3.running_mean") if "1.running_mean" in theirs else ()
    for name, value in theirs.items():
        if name in without:
            continue
        assert torch.allclose(ours[name], value, rtol=0, atol=NEAR), name


def step_of(variant, device="cpu", **sizes):
    """The calls for one batch, and the network they are for."""
    network = network_of(variant, **sizes).to(device)
    optimiser = FlatNAdam(network.parameters(), lr=RATE)
    totals = torch.zeros(2, 1, dtype=torch.float64, device=device)
    step = Backpropagation(network, standardisation().to(device), optimiser, 1, totals)
    step.prepare()
    step(*images_of(0, 6, device=device))
    (batch,) = step.batches.values()
    return batch.calls, network


def leave_out_a_product(monkeypatch):
    """The gradient of the last layer's weights stays what it was."""
    calls = Tape.calls
    monkeypatch.setattr(Tape, "calls", lambda tape: calls(tape)[:-2])


def broken_graph():
    raise RuntimeError("no graphs here")


def another_derivative(monkeypatch, wrong):
    """Let the backward pass of ELU and SELU use another function than the derivative."""
    rule = backprop_step.rule_for

    def changed(layer, inputs):
        if isinstance(layer, nn.ELU | nn.SELU):
            return wrong
        return rule(layer, inputs)

    monkeypatch.setattr(backprop_step, "rule_for", changed)
