"""A sequential network cut at its dropout layers: a fixed prefix, then one stage per layer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lightning_cifar.backprop.activations import evaluated
from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.dropout_modes import active_dropout_layers, is_active_dropout
from lightning_cifar.uncertainty.masks import UnitRule, masked, masked_linear, unit_rule


@dataclass(frozen=True)
class Stage:
    """A dropout layer, the linear layer that follows it if there is one, and the rest."""

    rule: UnitRule
    linear: nn.Linear | None
    rest: nn.Sequential


@dataclass(frozen=True)
class Plan:
    """The cut network; ``width`` counts the floats per image and sample of its widest stage."""

    prefix: nn.Sequential
    stages: tuple[Stage, ...]
    mask_widths: tuple[int, ...]
    width: int

    @property
    def rates(self) -> list[float]:
        """The dropout rate of each stage."""
        return [stage.rule.rate for stage in self.stages]


def plan_of(network: nn.Sequential, example: Tensor) -> Plan:
    """Cut the network; one example image tells how wide each dropout layer's input is.

    Raises:
        InputError: no active dropout, dropout hidden inside another module, or not on rows.
    """
    active_dropout_layers(network)
    layers = list(flat_layers(network))
    cuts = [index for index, layer in enumerate(layers) if is_active_dropout(layer)]
    prefix = nn.Sequential(*layers[: cuts[0]])
    stages = tuple(
        stage_of(layers[start:stop])
        for start, stop in zip(cuts, [*cuts[1:], len(layers)], strict=True)
    )
    widths, widest = measured_widths(prefix, stages, example)
    return Plan(prefix, stages, tuple(widths), widest)


def flat_layers(network: nn.Module) -> Iterator[nn.Module]:
    """The layers in order, nested ``nn.Sequential`` opened."""
    if type(network) is nn.Sequential:
        for child in network:
            yield from flat_layers(child)
    elif not is_active_dropout(network) and any(map(is_active_dropout, network.modules())):
        raise InputError(
            f"the dropout inside {type(network).__name__} cannot be sampled behind a cached "
            "prefix; allowed are dropout layers of an nn.Sequential: use naive_logits instead"
        )
    else:
        yield network


def stage_of(layers: Sequence[nn.Module]) -> Stage:
    """The stage that begins with the dropout layer ``layers[0]``."""
    rule = unit_rule(layers[0])
    linear = layers[1] if len(layers) > 1 and isinstance(layers[1], nn.Linear) else None
    rest = layers[1:] if linear is None else layers[2:]
    return Stage(rule, linear, nn.Sequential(*rest))


def measured_widths(
    prefix: nn.Sequential, stages: Sequence[Stage], example: Tensor
) -> tuple[list[int], int]:
    """The width of each stage's input, and the largest size of anything behind the prefix."""
    features = prefix(example)
    widths, widest = [], 1
    for stage in stages:
        if features.dim() != 2:
            raise InputError(
                "dropout behind a cached prefix must act on rows of features, got activations of "
                f"shape {tuple(features.shape)}: put nn.Flatten before it or use naive_logits"
            )
        widths.append(features.shape[1])
        # A copy, because a layer may write into what it gets, and the prefix may be empty.
        features = features.clone() if stage.linear is None else stage.linear(features)
        widest = max(widest, features.shape[1])
        for layer in stage.rest:
            features = layer(features)
            widest = max(widest, features[0].numel())
    return widths, widest


def suffix_logits(plan: Plan, features: Tensor, masks: Sequence[Tensor]) -> Tensor:
    """Logits (samples, images, classes) of the prefix's output under the given masks.

    features: (images, width). masks: one per stage, True where a unit is kept, of shape
    (samples, width) for all images alike or (samples, images, width).
    """
    outputs = features
    for stage, mask in zip(plan.stages, masks, strict=True):
        outputs = stage_output(stage, outputs, mask)
    return outputs


def stage_output(stage: Stage, features: Tensor, mask: Tensor) -> Tensor:
    """One stage for all samples; (samples, images, …)."""
    if stage.linear is not None and mask.dim() == 2:
        outputs = masked_linear(features, mask, stage.rule, stage.linear)
    else:
        per_image = mask[:, None, :] if mask.dim() == 2 else mask
        outputs = masked(features, per_image, stage.rule)
        outputs = outputs if stage.linear is None else stage.linear(outputs)
    if len(stage.rest) == 0:
        return outputs
    # Layers such as batch normalisation read a third axis as something else than samples.
    shape = outputs.shape[:2]
    return torch.unflatten(evaluated(stage.rest, outputs.flatten(0, 1), overwrite=True), 0, shape)
