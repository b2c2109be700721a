"""The loss at a network's end, and where the backward pass begins."""

from typing import final

import torch
from torch import Tensor

from lightning_cifar.backprop.tape import Signal, Tape


@final
class CrossEntropy:
    """A call that makes each member's mean cross-entropy, and share times its gradient.

    The losses' sums and the right answers are added to the totals, (2, members).

    labels: (members, batch), or (batch,) shared by all.
    class_weights: as ``torch.nn.functional.cross_entropy`` takes them: the mean is a weighted one.

    Attributes:
        losses: (members,).
    """

    def __init__(
        self,
        tape: Tape,
        logits: Signal,
        labels: Tensor,
        totals: Tensor,
        share: float,
        class_weights: Tensor | None = None,
    ) -> None:
        assert logits.gradient is not None
        members, batch, classes = logits.value.shape
        self.logits, self.gradient = logits.value, logits.gradient
        self.labels, self.totals = labels.expand(members, batch), totals
        self.share, self.class_weights = share, class_weights
        self.losses, self.log_shares = tape.buffer(members), tape.buffer(members, batch, classes)
        self.of_images, self.picked = (tape.buffer(members, batch) for _ in range(2))
        self.minus_one = tape.buffer(1).fill_(-1).expand(members, batch, 1)
        self.largest, self.right = (
            torch.empty(shape, dtype=torch.long, device=labels.device)
            for shape in ((members, batch), members)
        )

    def __call__(self) -> None:
        """Make them from what is in the logits and the labels now."""
        wanted = self.labels[..., None]
        torch.ops.aten._log_softmax.out(self.logits, -1, False, out=self.log_shares)
        torch.gather(self.log_shares, 2, wanted, out=self.picked[..., None])
        torch.exp(self.log_shares, out=self.gradient)
        self.gradient.scatter_add_(2, wanted, self.minus_one)
        batch = self.labels.shape[1]
        if self.class_weights is None:
            torch.sum(self.picked, 1, out=self.losses).mul_(-1 / batch)
            self.gradient.mul_(self.share / batch)
        else:
            parts = shares_of_images(self.labels, self.class_weights, self.of_images)
            torch.sum(self.picked.mul_(parts), 1, out=self.losses).neg_()
            self.gradient.mul_(parts[..., None]).mul_(self.share)
        torch.argmax(self.logits, -1, out=self.largest)
        torch.sum(self.largest == self.labels, 1, out=self.right)
        self.totals[0].add_(self.losses, alpha=batch)
        self.totals[1].add_(self.right)


def shares_of_images(labels: Tensor, class_weights: Tensor, out: Tensor) -> Tensor:
    """What part of its batch's loss each image is, (members, batch), which add up to 1."""
    torch.take(class_weights, labels, out=out)
    return out.div_(out.sum(-1, keepdim=True))
