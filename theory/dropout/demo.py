"""What dropout costs: operations, arithmetic and passes, counted; wall time only if asked for."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from theory.domain import require_below, require_between, require_seed
from theory.dropout.counting import Cost, cost_of, passes_through
from theory.dropout.monte_carlo import sample_probabilities
from theory.dropout.networks import dense_network, private_random, training_step
from theory.dropout.timing import paired_ratios, quartiles

CLASSES = 10


@dataclass(frozen=True)
class DropoutResult:
    """Cost of one network without dropout and with dropout after every hidden layer.

    Attributes:
        rate: dropout rate.
        samples: samples of Monte Carlo dropout.
        plain_step_operations: kernel calls of a training step without dropout.
        dropout_step_operations: the same with dropout.
        plain_step_flops: operations in the matrix products of a training step without dropout.
        dropout_step_flops: the same with dropout.
        extra_step_arithmetic_share: arithmetic that dropout adds to a training step, as a share.
        plain_inference_operations: kernel calls of a prediction without dropout.
        dropout_inference_operations: the same with dropout, in evaluation mode.
        inference_flops: operations in the matrix products of a prediction, with dropout or not.
        monte_carlo_passes: passes that Monte Carlo dropout takes, each in full.
        monte_carlo_flops: operations in their matrix products.
        shared_prefix_flops: the same when the layers before the first dropout run once.
        last_layer_flops: the same when dropout is before the output only.
        step_time_ratio_quartiles: wall time of a training step with dropout over that without:
            lower quartile, median, upper quartile; empty unless timing was asked for.
        inference_time_ratio_quartiles: the same for a prediction in evaluation mode.
        monte_carlo_time_ratio_quartiles: Monte Carlo dropout over one prediction.
    """

    rate: float
    samples: int
    plain_step_operations: int
    dropout_step_operations: int
    plain_step_flops: int
    dropout_step_flops: int
    extra_step_arithmetic_share: float
    plain_inference_operations: int
    dropout_inference_operations: int
    inference_flops: int
    monte_carlo_passes: int
    monte_carlo_flops: int
    shared_prefix_flops: int
    last_layer_flops: int
    step_time_ratio_quartiles: tuple[float, ...]
    inference_time_ratio_quartiles: tuple[float, ...]
    monte_carlo_time_ratio_quartiles: tuple[float, ...]


@dataclass(frozen=True)
class _Setting:
    """The networks to compare and the data they are given."""

    plain: nn.Sequential
    dropped: nn.Sequential
    last: nn.Sequential
    inputs: Tensor
    labels: Tensor
    samples: int
    generator: torch.Generator

    def step(self, network: nn.Sequential) -> None:
        """One training step of ``network``."""
        with private_random(self.generator):
            training_step(network, self.inputs, self.labels)

    def predict(self, network: nn.Sequential) -> None:
        """One prediction of ``network`` in evaluation mode."""
        network.eval()
        with torch.no_grad():
            network(self.inputs)

    def sample(self, network: nn.Sequential, *, share_prefix: bool = False) -> None:
        """A prediction of ``network`` by Monte Carlo dropout."""
        sample_probabilities(
            network,
            self.inputs,
            samples=self.samples,
            generator=self.generator,
            share_prefix=share_prefix,
        )


def demonstrate(
    *,
    hidden_layers: int = 20,
    width: int = 100,
    inputs: int = 3072,
    batch: int = 8,
    rate: float = 0.5,
    samples: int = 10,
    timing_pairs: int = 0,
    seed: int = 0,
) -> DropoutResult:
    """Count what dropout costs in a training step, in a prediction and by Monte Carlo.

    Args:
        hidden_layers: hidden layers, from 1 to 100.
        width: units of a hidden layer, from 1 to 2000.
        inputs: inputs of the network, from 1 to 10,000.
        batch: rows of a batch, from 1 to 1024.
        rate: dropout rate, at least 0 and below 1.
        samples: samples of Monte Carlo dropout, from 1 to 1000.
        timing_pairs: pairs of runs to time, from 0 (no timing, the same result each time) to 1000.
        seed: seed of weights, data and masks.

    Raises:
        DomainError: for a parameter outside those bounds.
    """
    for name, value, low, high in (
        ("hidden_layers", hidden_layers, 1, 100),
        ("width", width, 1, 2000),
        ("inputs", inputs, 1, 10_000),
        ("batch", batch, 1, 1024),
        ("samples", samples, 1, 1000),
        ("timing_pairs", timing_pairs, 0, 1000),
    ):
        require_between(name, value, low, high)
    require_seed(seed)
    require_below(
        "rate",
        rate,
        0.0,
        1.0,
        otherwise="at 1 every unit is dropped and nothing reaches the output",
    )
    build = partial(
        dense_network,
        inputs=inputs,
        widths=(width,) * hidden_layers,
        outputs=CLASSES,
        seed=seed,
        dtype=torch.float32,
    )
    generator = torch.Generator().manual_seed(seed)
    setting = _Setting(
        plain=build(rates=(0.0,) * hidden_layers),
        dropped=build(rates=(rate,) * hidden_layers),
        last=build(rates=(0.0,) * (hidden_layers - 1) + (rate,)),
        inputs=torch.randn(batch, inputs, generator=generator),
        labels=torch.randint(CLASSES, (batch,), generator=generator),
        samples=samples,
        generator=generator,
    )
    return _measure(setting, rate, timing_pairs)


def _measure(setting: _Setting, rate: float, timing_pairs: int) -> DropoutResult:
    plain, dropped = setting.plain, setting.dropped
    plain_step = cost_of(lambda: setting.step(plain))
    dropped_step = cost_of(lambda: setting.step(dropped))
    plain_inference = cost_of(lambda: setting.predict(plain))
    dropped_inference = cost_of(lambda: setting.predict(dropped))
    times = _time(setting, timing_pairs)
    return DropoutResult(
        rate=rate,
        samples=setting.samples,
        plain_step_operations=plain_step.operations,
        dropout_step_operations=dropped_step.operations,
        plain_step_flops=plain_step.flops,
        dropout_step_flops=dropped_step.flops,
        extra_step_arithmetic_share=_extra_share(plain_step, dropped_step),
        plain_inference_operations=plain_inference.operations,
        dropout_inference_operations=dropped_inference.operations,
        inference_flops=dropped_inference.flops,
        monte_carlo_passes=passes_through(dropped[-1], lambda: setting.sample(dropped)),
        monte_carlo_flops=cost_of(lambda: setting.sample(dropped)).flops,
        shared_prefix_flops=cost_of(lambda: setting.sample(dropped, share_prefix=True)).flops,
        last_layer_flops=cost_of(lambda: setting.sample(setting.last, share_prefix=True)).flops,
        step_time_ratio_quartiles=times[0],
        inference_time_ratio_quartiles=times[1],
        monte_carlo_time_ratio_quartiles=times[2],
    )


def _extra_share(plain: Cost, dropped: Cost) -> float:
    return dropped.arithmetic / plain.arithmetic - 1.0


def _time(setting: _Setting, pairs: int) -> tuple[tuple[float, ...], ...]:
    """Quartiles of the ratios for a training step, a prediction and Monte Carlo dropout."""
    if pairs == 0:
        return (), (), ()
    plain, dropped = setting.plain, setting.dropped
    return (
        quartiles(
            paired_ratios(lambda: setting.step(plain), lambda: setting.step(dropped), pairs=pairs)
        ),
        quartiles(
            paired_ratios(
                lambda: setting.predict(plain), lambda: setting.predict(dropped), pairs=pairs
            )
        ),
        quartiles(
            paired_ratios(
                lambda: setting.predict(dropped), lambda: setting.sample(dropped), pairs=pairs
            )
        ),
    )
