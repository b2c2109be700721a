"""Many networks trained at once on the same batches, each at its own learning rate."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LambdaLR

from lightning_cifar.data.batches import Augmentation, TensorBatches
from lightning_cifar.data.images import LabelledImages
from lightning_cifar.errors import InputError
from lightning_cifar.optim.flat_nadam import FlatNAdam
from lightning_cifar.optim.schedules import Factor, constant
from lightning_cifar.stack.network import StackedNetwork, member_losses

MEMORY = 1 << 30  # bytes that a stack may take
COPIES = 7  # of the weights: themselves, the best, gradient twice, two moments, scratch
EVALUATION_BATCH = 250

Standardise = Callable[[Tensor], Tensor]


@dataclass
class RaceRun:
    """What became of one network; figures by epoch, a diverged network's last loss is infinite.

    Attributes:
        best_epoch: the epoch with the lowest validation loss, counted from 0; -1 if none.
        best_state: ``state_dict`` of an ordinary network after that epoch; empty if none.
        stop_reason: "epochs", "patience" or "diverged"; "running" until the end.
    """

    rate: float
    val_losses: list[float] = field(default_factory=list)
    val_accuracies: list[float] = field(default_factory=list)
    best_epoch: int = -1
    best_state: dict[str, Tensor] = field(default_factory=dict)
    stop_reason: str = "running"

    @property
    def best_loss(self) -> float:
        """The lowest validation loss; infinite if there is none."""
        return min(self.val_losses, default=math.inf)


def train_many(
    networks: Sequence[nn.Sequential],
    rates: Sequence[float],
    train: LabelledImages,
    validation: LabelledImages,
    standardise: Standardise,
    *,
    batch_size: int,
    epochs: int,
    seed: int,
    patience: int | None = None,
    augmentation: Augmentation | None = None,
    schedule: Factor = constant,
    compiled: bool = False,
) -> list[RaceRun]:
    """Train copies of the networks with NAdam, network k at ``rates[k]``; one run for each.

    All see the same batches in the same order and, before the first difference in weights, the
    same dropout masks: two runs differ by nothing but their network and their rate.

    networks: of the same layers, on the device of the images.
    standardise: (batch, 3, 32, 32) uint8 to floats.
    patience: a network stops after so many epochs without a lower validation loss; None: never.
    augmentation: random changes of the training images.
    schedule: factor of the rates by the share of all steps that is done.
    compiled: make the update in one pass over memory; needs a C++ compiler, pays in long races.
    Raises: InputError for rates that are not positive numbers, one for each network.
    """
    if len(rates) != len(networks) or not all(0 < rate < math.inf for rate in rates):
        raise InputError(
            f"{len(networks)} networks need as many positive learning rates, got {list(rates)}"
        )
    runs = [RaceRun(rate) for rate in rates]
    size = members_at_once(networks[0], batch_size) if networks else 1
    for start in range(0, len(runs), size):
        chunk = slice(start, start + size)
        batches = TensorBatches(
            train, batch_size=batch_size, shuffle=True, seed=seed, augmentation=augmentation
        )
        stack = StackedNetwork(networks[chunk], seeds=[seed] * len(runs[chunk])).train()
        race(
            stack,
            runs[chunk],
            batches,
            validation,
            standardise,
            epochs=epochs,
            patience=patience,
            schedule=schedule,
            compiled=compiled,
        )
    return runs


def members_at_once(network: nn.Sequential, batch_size: int) -> int:
    """How many copies of ``network`` may be trained in ``MEMORY`` bytes; at least one."""
    weights = sum(weight.numel() * weight.element_size() for weight in network.parameters())
    largest_input = max(
        (layer.in_features for layer in network if isinstance(layer, nn.Linear)), default=1
    )
    # The input, normalised for each member, and its gradient are the largest activations.
    activations = 4 * 4 * largest_input * max(batch_size, EVALUATION_BATCH)
    return max(1, MEMORY // (COPIES * weights + activations))


def race(
    stack: StackedNetwork,
    runs: Sequence[RaceRun],
    batches: TensorBatches,
    validation: LabelledImages,
    standardise: Standardise,
    *,
    epochs: int,
    patience: int | None,
    schedule: Factor,
    compiled: bool,
) -> None:
    """Train the stack and fill in ``runs``, one for each member; who is done leaves the stack."""
    racing = list(runs)
    rates = torch.tensor([run.rate for run in racing], dtype=torch.float64)
    optimiser = FlatNAdam(stack.parameter_groups(), lr=1.0, rates=rates, compiled=compiled)
    last_step = max(epochs * len(batches) - 1, 1)
    scheduler = LambdaLR(optimiser, lambda step: schedule(step / last_step))
    for epoch in range(epochs):
        if not racing:
            break
        batches.set_epoch(epoch)
        finite = train_epoch(stack, optimiser, scheduler, batches, standardise)
        losses, accuracies = evaluate(stack, validation, standardise)
        losses = losses.where(finite & losses.isfinite(), math.inf)
        for member, figures in enumerate(zip(losses.tolist(), accuracies.tolist(), strict=True)):
            note_epoch(racing[member], *figures, stack, member, patience)
        racing = keep_running(stack, optimiser, racing)
    for run in racing:
        run.stop_reason = "epochs"


def train_epoch(
    stack: StackedNetwork,
    optimiser: FlatNAdam,
    scheduler: LambdaLR,
    batches: TensorBatches,
    standardise: Standardise,
) -> Tensor:
    """One pass over the batches; returns which members' losses stayed finite, (members,).

    Asked for only once an epoch: a network that is broken disturbs no other one, and looking at a
    number at each step would make a GPU wait.
    """
    finite = torch.ones(stack.members, dtype=torch.bool, device=batches.data.labels.device)
    for images, labels in batches:
        optimiser.zero_grad()
        losses = member_losses(stack(standardise(images)), labels)
        losses.sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        scheduler.step()
        finite &= losses.detach().isfinite()
    return finite


@torch.no_grad()
def evaluate(
    stack: StackedNetwork, data: LabelledImages, standardise: Standardise
) -> tuple[Tensor, Tensor]:
    """Mean loss and accuracy of each member, both (members,) in float64."""
    stack.eval()
    loss_sums = torch.zeros(stack.members, dtype=torch.float64, device=data.labels.device)
    right = torch.zeros_like(loss_sums)
    parts = (torch.split(each, EVALUATION_BATCH) for each in (data.images, data.labels))
    for images, labels in zip(*parts, strict=True):
        logits = stack(standardise(images))
        loss_sums += member_losses(logits, labels).double() * len(labels)
        right += (logits.argmax(-1) == labels).sum(1)
    stack.train()
    return loss_sums / len(data), right / len(data)


def note_epoch(
    run: RaceRun,
    loss: float,
    accuracy: float,
    stack: StackedNetwork,
    member: int,
    patience: int | None,
) -> None:
    """Add an epoch's figures to a run, keep the weights if they are the best, decide on its end."""
    if loss < run.best_loss:
        run.best_epoch = len(run.val_losses)
        run.best_state = stack.member_state(member)
    run.val_losses.append(loss)
    run.val_accuracies.append(accuracy)
    if not math.isfinite(loss):
        run.stop_reason = "diverged"
    elif patience is not None and len(run.val_losses) - 1 - run.best_epoch >= patience:
        run.stop_reason = "patience"


def keep_running(
    stack: StackedNetwork, optimiser: FlatNAdam, racing: list[RaceRun]
) -> list[RaceRun]:
    """Take the members that are done out of stack and optimiser; returns the runs that go on."""
    staying = [member for member, run in enumerate(racing) if run.stop_reason == "running"]
    if 0 < len(staying) < len(racing):
        kept = torch.tensor(staying)
        stack.keep(kept)
        optimiser.keep(kept)
    return [racing[member] for member in staying]
