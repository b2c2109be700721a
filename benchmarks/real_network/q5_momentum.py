"""Question 5: SGD with five momenta, each at its own searched rate, and what swings."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.real_network.comparing import compared, percent
from benchmarks.real_network.runs import searched, trained
from benchmarks.real_network.setting import Setting
from benchmarks.real_network.stacked_sgd import StackedSGD
from benchmarks.real_network.starts import network
from benchmarks.real_network.swing import SWINGS, swings
from benchmarks.real_network.telling import Finding, Record, Told, average, figure, points, table
from lightning_cifar.networks import he_normal

# Rates that are tried: about what suits plain descent, times what the sum of all gradients loses.
RATES: Mapping[float, tuple[float, ...]] = {
    0.0: (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    0.5: (1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1),
    0.9: (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2),
    0.99: (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3),
    0.99999: (3e-8, 1e-7, 3e-7, 1e-6, 3e-6, 1e-5, 3e-5),
}
USUAL, EXTREME = 0.9, 0.99999
BORROWED = "0.99999 at the rate of 0.9"
CURVE_POINTS = 40  # of a loss curve in the record
SWING_IMAGES = 250
SWUNG = (0.9, 0.99, 0.99999)


def measure(setting: Setting) -> Record:
    """Accuracy and loss of each momentum, and the swing about trained weights."""
    build = partial(network, "elu", he_normal, setting)
    rates = {
        momentum: searched({"": build}, setting, rates=tried, optimise=same_momentum(momentum))[""]
        for momentum, tried in RATES.items()
    }
    named = {str(momentum): rate for momentum, rate in rates.items()} | {BORROWED: rates[USUAL]}
    momenta = [*RATES, EXTREME]
    runs = trained(
        dict.fromkeys(named, build),
        named,
        setting,
        optimise=lambda stack, every: StackedSGD(
            stack.parameter_groups(),
            every,
            [momentum for momentum in momenta for _ in setting.seeds],
        ),
    )
    accuracy = {name: percent(runs.of(name).accuracy) for name in named}
    usual = runs.rows[str(USUAL)].start
    images = setting.standardise(setting.train.images[:SWING_IMAGES])
    labels = setting.train.labels[:SWING_IMAGES]
    return {
        "rates": named,
        "accuracy": accuracy,
        "loss": {name: runs.of(name).loss for name in named},
        "not_finite": {
            name: int((~runs.of(name).train_losses[-1].isfinite()).sum()) for name in named
        },
        "comparisons": compared(
            {
                f"0.9 - {name}": (accuracy[str(USUAL)], accuracy[name])
                for name in named
                if name != str(USUAL)
            }
        ),
        "curve_steps": curve_steps(len(runs.curves.train_losses)),
        "curves": {name: curve(runs.of(name).train_losses) for name in named},
        "swings": swings(runs.stack.member(usual).eval(), images.flatten(1), labels, SWUNG),
    }


def same_momentum(momentum: float) -> Callable[[Any, Any], StackedSGD]:
    """An optimiser with one momentum for all members."""
    return lambda stack, rates: StackedSGD(stack.parameter_groups(), rates, [momentum] * len(rates))


def curve_steps(steps: int) -> list[int]:
    """The last step of each piece of a curve."""
    size = max(1, steps // CURVE_POINTS)
    return [size * (piece + 1) for piece in range(steps // size)]


def curve(losses: Any) -> list[float]:
    """The median over seeds of the training loss's mean over pieces of the run."""
    size = max(1, len(losses) // CURVE_POINTS)
    pieces = losses[: len(losses) // size * size].unflatten(0, (-1, size)).mean(1)
    found: list[float] = pieces.median(1).values.tolist()
    return found


def tell(record: Record) -> Told:
    """The section of the page."""
    accuracy = {name: average(values) for name, values in record["accuracy"].items()}
    loss = {name: average(values) for name, values in record["loss"].items()}
    judged = record["comparisons"]
    best = max((name for name in accuracy if name != BORROWED), key=lambda name: accuracy[name])
    extreme, swings = str(EXTREME), record["swings"]
    last = swings[extreme]
    off = max(abs(each["measured"] / each["predicted"] - 1) for each in swings.values())
    seeds, broken = len(record["accuracy"][BORROWED]), record["not_finite"][BORROWED]
    lost = judged[f"0.9 - {BORROWED}"]
    none, half = judged["0.9 - 0.0"], judged["0.9 - 0.5"]
    return Told(
        "momentum close to 1",
        "ELU network, He's rule, SGD. Each momentum has the best of six or seven rates; one more "
        "row has 0.99999 at the rate that suits 0.9. For the swing, a trained network is displaced "
        "along the most curved direction of the loss of 250 images and let go, without noise.",
        (
            table(
                ("momentum", "rate", "validation accuracy (%)", "validation loss", "not finite"),
                [
                    (
                        name,
                        figure(record["rates"][name]),
                        f"{accuracy[name]:.1f}",
                        figure(loss[name]),
                        record["not_finite"][name],
                    )
                    for name in accuracy
                ],
            ),
            table(
                (
                    "momentum",
                    "rate · curvature",
                    "period predicted (steps)",
                    "period measured",
                    "farthest in the last of five periods, relative to the first",
                ),
                [
                    (
                        name,
                        figure(each["rate"] * each["curvature"]),
                        f"{each['predicted']:.1f}",
                        figure(each["measured"]),
                        f"{each['left']:.2f}",
                    )
                    for name, each in swings.items()
                ],
            ),
            "Where the last column is above 1, the weights do not swing to rest but leave the "
            "place to which training took them: short training does not end in a minimum.",
            "\n".join(f"- {name}: {points(each)}." for name, each in judged.items()),
        ),
        (
            Finding(
                "Q5.1",
                f"At its own best rate 0.99999 reaches {accuracy[extreme]:.1f} %, 0.9 "
                f"{accuracy['0.9']:.1f} %: {points(judged[f'0.9 - {extreme}'])}.",
                judged[f"0.9 - {extreme}"]["differs"] and judged[f"0.9 - {extreme}"]["mean"] > 0,
            ),
            Finding(
                "Q5.3",
                f"Displaced and let go, the weights cross their resting place "
                f"{last['crossings']} times in {SWINGS} predicted periods at 0.99999.",
                last["crossings"] > 1,
            ),
            Finding(
                "Q5.4",
                f"The period is {last['measured']:.1f} steps, where 2π/√(rate · curvature) gives "
                f"{last['predicted']:.1f}; the worst prediction of a period is off by {off:.1%}. "
                "In the last of five periods the weights are up to "
                f"{figure(last['left'])} times as far away in this direction as in the first; at "
                f"0.9 they are {figure(swings['0.9']['left'])} times as far.",
                off < 0.05,
            ),
            Finding(
                "Q5.7",
                f"Each at its own rate, the best of the five is {best} with "
                f"{accuracy[best]:.1f} %. 0.9 minus 0.5: {points(half)}; 0.9 minus 0.99: "
                f"{points(judged['0.9 - 0.99'])}.",
                0.5 <= float(best) <= 0.9 or not judged.get(f"0.9 - {best}", {}).get("differs"),
            ),
            Finding(
                "Q5.8",
                f"After the same number of steps the validation loss is {loss[extreme]:.3g} at "
                f"0.99999 and {loss['0.9']:.3g} at 0.9.",
                loss[extreme] > loss["0.9"],
            ),
            Finding(
                "Q5.9",
                f"At the rate that suits 0.9, {figure(record['rates'][BORROWED])}, momentum "
                f"0.99999 reaches {accuracy[BORROWED]:.1f} % with a validation loss of "
                f"{figure(loss[BORROWED])}; {broken} of {seeds} losses are not finite. 0.9 minus "
                f"this: {points(lost)}.",
                lost["differs"] and (broken > 0 or loss[BORROWED] > 2.303),
            ),
            Finding(
                "Q5.10",
                f"0.9 minus 0, each at its own rate: {points(none)}.",
                None,  # it depends, and this network may be of either kind
            ),
        ),
    )
