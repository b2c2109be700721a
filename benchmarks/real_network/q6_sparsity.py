"""Question 6: L1 by subgradient and by proximal step; pruning at once and gradually."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from scipy import sparse
from torch import Tensor

from benchmarks.real_network.comparing import compared, percent
from benchmarks.real_network.measures import linear_layers, zeros_of
from benchmarks.real_network.runs import searched
from benchmarks.real_network.setting import Setting
from benchmarks.real_network.stacked_sgd import StackedSGD
from benchmarks.real_network.starts import network
from benchmarks.real_network.telling import Record
from benchmarks.real_network.training import evaluated, rows_of, train
from lightning_cifar.networks import he_normal
from lightning_cifar.stack.network import StackedNetwork

RATES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
MOMENTUM = 0.9
PENALTIES = (1e-4, 1e-3)
SHARES = (0.5, 0.8, 0.95)
COMBINED = 0.8  # the share at which L1 before pruning is compared with pruning alone
GRADUAL_END = 0.7  # of the fine-tuning, when gradual pruning has reached its share
METHODS = ("subgradient", "proximal")


def measure(setting: Setting) -> Record:
    """Accuracy against the share of exact zeros, and the bytes that a pruned network takes."""
    build = partial(network, "elu", he_normal, setting)
    rate = searched({"": build}, setting, rates=RATES, optimise=sgd)[""]
    names = ["none", *(f"{method} {each:g}" for method in METHODS for each in PENALTIES)]
    rows = rows_of(names, len(setting.seeds))
    stack = StackedNetwork([build(seed) for _ in names for seed in setting.seeds])
    rates = [rate] * stack.members
    penalty = Penalty(stack, rows, rate)
    curves = train(
        stack,
        sgd(stack, rates),
        setting,
        setting.seeds * len(names),
        epochs=setting.epochs,
        before_step=penalty.add_subgradient,
        after_step=penalty.shrink,
    )
    accuracy = {name: percent(curves.accuracy[its]) for name, its in rows.items()}
    zeros = zeros_of(stack)
    # All penalised networks pruned without training on, beside those without a penalty.
    cut = {share: percent(accuracy_pruned(stack, setting, share)) for share in SHARES}
    plain = StackedNetwork([stack.member(place) for place in range(len(setting.seeds))])
    tuned = fine_tuned(plain, setting, rate)
    return {
        "rate": rate,
        "accuracy": accuracy,
        "zeros": {name: zeros[its] for name, its in rows.items()},
        "magnitudes": {name: magnitudes(stack)[its] for name, its in rows.items()},
        "cut": {
            name: {str(share): values[its] for share, values in cut.items()}
            for name, its in rows.items()
        },
        "tuned": {name: percent(values) for name, values in tuned.items()},
        "comparisons": compared(
            {
                f"gradual - once, {share:.0%}": (
                    percent(tuned[f"gradual {share}"]),
                    percent(tuned[f"once {share}"]),
                )
                for share in SHARES
            }
            | {
                f"L1 {each:g}, then {COMBINED:.0%} pruned - {COMBINED:.0%} pruned": (
                    cut[COMBINED][rows[f"subgradient {each:g}"]],
                    cut[COMBINED][rows["none"]],
                )
                for each in PENALTIES
            }
        ),
        "bytes": {"full": full_bytes(plain)}
        | {str(share): compressed_bytes(plain, share) for share in SHARES},
    }


def sgd(stack: StackedNetwork, rates: Any) -> StackedSGD:
    """SGD with the usual momentum."""
    return StackedSGD(stack.parameter_groups(), rates, [MOMENTUM] * len(rates))


class Penalty:
    """An L1 penalty on the weights (not the biases) of some members of a stack, in both ways.

    By subgradient its sign is added to the gradient. By proximal step the weights are shrunk
    towards 0 after each step, and those within the threshold become 0. With momentum a lasting
    gradient moves the weights by rate / (1 - momentum) times itself, hence the threshold.
    """

    def __init__(self, stack: StackedNetwork, rows: Mapping[str, slice], rate: float) -> None:
        self.weights = [layer.weight for layer in linear_layers(stack)]
        self.members: dict[str, list[tuple[slice, float]]] = {method: [] for method in METHODS}
        for name, its in rows.items():
            method, _, size = name.partition(" ")
            if method in METHODS:
                self.members[method].append((its, float(size)))
        self.factor = rate / (1 - MOMENTUM)

    @torch.no_grad()
    def add_subgradient(self, step: int) -> None:
        """Add the penalty's slope to the gradients that are there."""
        for its, size in self.members["subgradient"]:
            for weight in self.weights:
                weight.grad[its].add_(weight[its].sign(), alpha=size)

    @torch.no_grad()
    def shrink(self, step: int) -> None:
        """The soft threshold."""
        for its, size in self.members["proximal"]:
            for weight in self.weights:
                weight[its] = soft_threshold(weight[its], self.factor * size)


def soft_threshold(weight: Tensor, threshold: float) -> Tensor:
    """Nearer to 0 by the threshold, and 0 within it."""
    return weight - weight.clamp(-threshold, threshold)


def masks_of(stack: StackedNetwork, share: float) -> list[Tensor]:
    """Of each layer and member: False for this share of the weights, the smallest."""
    masks = []
    for layer in linear_layers(stack):
        sizes = layer.weight.detach().abs().flatten(1)
        dropped = sizes.argsort(1)[:, : round(share * sizes.shape[1])]
        masks.append(torch.ones_like(sizes, dtype=torch.bool).scatter(1, dropped, False))
    return [
        mask.view_as(layer.weight) for mask, layer in zip(masks, linear_layers(stack), strict=True)
    ]


@torch.no_grad()
def apply_masks(stack: StackedNetwork, masks: list[Tensor]) -> None:
    """Set the weights without a mask to 0."""
    for layer, mask in zip(linear_layers(stack), masks, strict=True):
        layer.weight.mul_(mask)


def accuracy_pruned(stack: StackedNetwork, setting: Setting, share: float) -> Tensor:
    """Accuracy with this share of each layer at 0, and no training since; (members,)."""
    kept = {name: value.clone() for name, value in stack.state_dict().items()}
    apply_masks(stack, masks_of(stack, share))
    _, accuracy = evaluated(stack, setting)
    stack.load_state_dict(kept)
    return accuracy


def fine_tuned(plain: StackedNetwork, setting: Setting, rate: float) -> dict[str, Tensor]:
    """Accuracy after an epoch more: unpruned, pruned at its start, pruned step by step in it."""
    members = [plain.member(place) for place in range(plain.members)]
    found = {}
    for name, share_at in schedules().items():
        stack = StackedNetwork(members)
        pruned = Pruned(stack, share_at, len(setting.train) / setting.batch_size)
        curves = train(
            stack,
            sgd(stack, [rate] * stack.members),
            setting,
            setting.seeds,
            epochs=1,
            before_step=pruned.before,
            after_step=pruned.after,
        )
        found[name] = curves.accuracy
    return found


def schedules() -> dict[str, Callable[[float], float]]:
    """Name -> the share of zeros wanted at each moment of the fine-tuning, 0 to 1."""
    found: dict[str, Callable[[float], float]] = {"unpruned 0": lambda progress: 0.0}
    for share in SHARES:
        found[f"once {share}"] = partial(lambda share, progress: share, share)
        found[f"gradual {share}"] = partial(cubic, share)
    return found


def cubic(share: float, progress: float) -> float:
    """Fast at first, slow at the end (Zhu and Gupta 2017, equation 1)."""
    left = max(0.0, 1 - progress / GRADUAL_END)
    return share * (1 - left**3)


class Pruned:
    """Keeps the zeros of a stack in training, and adds to them as the schedule says."""

    EVERY = 10  # steps between two looks at the schedule

    def __init__(
        self, stack: StackedNetwork, share_at: Callable[[float], float], steps: float
    ) -> None:
        self.stack, self.share_at, self.steps = stack, share_at, steps
        self.share = share_at(0.0)
        self.masks = masks_of(stack, self.share)
        apply_masks(stack, self.masks)

    def before(self, step: int) -> None:
        """Choose what to prune from now on; what is 0 is smallest, so it stays."""
        share = self.share_at(step / self.steps)
        if step % self.EVERY == 0 and share > self.share:
            self.share, self.masks = share, masks_of(self.stack, share)

    def after(self, step: int) -> None:
        """Set to 0 again what the step has moved."""
        apply_masks(self.stack, self.masks)


def magnitudes(stack: StackedNetwork) -> Tensor:
    """Sum of the weights' magnitudes, (members,)."""
    sums = [layer.weight.detach().abs().sum((1, 2)) for layer in linear_layers(stack)]
    return torch.stack(sums).sum(0)


def full_bytes(stack: StackedNetwork) -> int:
    """Bytes of one member's weights and biases."""
    return sum(each[0].nbytes for each in stack.parameters())


def compressed_bytes(stack: StackedNetwork, share: float) -> int:
    """Bytes of the first member pruned, its weights as compressed sparse rows, biases in full."""
    total = 0
    for layer, mask in zip(linear_layers(stack), masks_of(stack, share), strict=True):
        matrix = sparse.csr_matrix((layer.weight[0].detach() * mask[0]).numpy())
        total += matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes
        total += layer.bias[0].nbytes
    return total
