"""Question 1: one He-drawn value for a whole layer against independent draws."""

from functools import partial
from typing import Any

from torch import Tensor

from benchmarks.real_network.comparing import compared, percent
from benchmarks.real_network.measures import distinct_units, gradient_norms, linear_layers
from benchmarks.real_network.runs import searched, trained
from benchmarks.real_network.setting import Setting
from benchmarks.real_network.starts import Build, equal_he, network
from benchmarks.real_network.telling import Finding, Record, Told, average, points, table
from lightning_cifar.networks import he_normal
from lightning_cifar.stack.network import StackedNetwork

RATES = (3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3)  # an equal start needs small ones
IMAGES = 200  # on which units are compared
COUNTED = (1, 10, 30, 100, 300, 1000)  # steps after which units are counted


def conditions(setting: Setting) -> dict[str, Build]:
    """The two starts of the ELU network."""
    return {
        "equal": partial(network, "elu", equal_he, setting),
        "independent": partial(network, "elu", he_normal, setting),
    }


def measure(setting: Setting) -> Record:
    """Accuracy and number of distinct units of each start."""
    found = conditions(setting)
    start = StackedNetwork([build(seed) for build in found.values() for seed in setting.seeds])
    labels = setting.validation.labels[: len(setting.probes)]
    norms = gradient_norms(start, setting.probes, labels)
    rates = searched(found, setting, rates=RATES)
    images = setting.probes[:IMAGES]
    counts: dict[int, tuple[Tensor, Tensor]] = {}

    def count(step: int, stack: Any) -> None:
        if step + 1 in COUNTED:
            counts[step + 1] = distinct_units(stack, images)

    runs = trained(found, rates, setting, watch=count)
    last = len(runs.curves.train_losses)
    counts[last] = distinct_units(runs.stack, images)
    accuracy = {name: percent(runs.of(name).accuracy) for name in found}
    dense = linear_layers(runs.stack)
    first, last_weights = dense[0].weight.detach(), dense[-1].weight.detach()
    return {
        "rates": rates,
        "accuracy": accuracy,
        "comparisons": compared(
            {"independent - equal": (accuracy["independent"], accuracy["equal"])}
        ),
        "steps": sorted(counts),
        # The median over seeds of each layer; the layers in order.
        "distinct": {
            name: [counts[step][0][rows].median(0).values for step in sorted(counts)]
            for name, rows in runs.rows.items()
        },
        "bitwise": {
            name: [counts[step][1][rows].median(0).values for step in sorted(counts)]
            for name, rows in runs.rows.items()
        },
        # Do the weights stay equal, as the sheet says of all? Of one unit, and between classes.
        "spread_of_first_weights": {
            name: first[rows, 0].std(-1).mean() for name, rows in runs.rows.items()
        },
        "spread_of_output_weights": {
            name: last_weights[rows, :, 0].std(-1).mean() for name, rows in runs.rows.items()
        },
        "without_first_gradient": {
            name: int((norms[rows, 0] == 0).sum()) for name, rows in runs.rows.items()
        },
    }


def tell(record: Record) -> Told:
    """The section of the page."""
    last = {name: record["distinct"][name][-1] for name in ("equal", "independent")}
    exact = record["bitwise"]["equal"][-1]
    accuracy = {name: average(values) for name, values in record["accuracy"].items()}
    better = record["comparisons"]["independent - equal"]
    blind = record["without_first_gradient"]["equal"]
    alone = sum(units == 1 for units in last["equal"])
    layers = len(last["equal"])
    rows = [
        (
            step,
            span(record["distinct"]["equal"][place]),
            span(record["bitwise"]["equal"][place]),
            span(record["distinct"]["independent"][place]),
        )
        for place, step in enumerate(record["steps"])
    ]
    return Told(
        "one value for a layer, or independent draws",
        "ELU network, He's rule. Equal means one draw for all weights of a layer. Two units count "
        "as one if their outputs on 200 validation images differ by less than a thousandth of the "
        "layer's root mean square; bitwise, only if they do not differ at all.",
        (
            table(
                ("start", "rate", "validation accuracy (%)"),
                [
                    (name, record["rates"][name], f"{accuracy[name]:.1f}")
                    for name in ("equal", "independent")
                ],
            ),
            table(
                ("steps", "equal: distinct units", "equal: bitwise", "independent: distinct units"),
                rows,
            ),
            "Lowest and highest of the layers; median over the seeds.",
        ),
        (
            Finding(
                "Q1.1",
                f"An equal start reaches {accuracy['equal']:.1f} % of the validation images, an "
                f"independent one {accuracy['independent']:.1f} %: {points(better)}.",
                better["differs"] and better["mean"] > 0,
            ),
            Finding(
                "Q1.6",
                "After training the weights of a first-layer unit have a standard deviation of "
                f"{record['spread_of_first_weights']['equal']:.2g}, the output weights of a hidden "
                f"unit one of {record['spread_of_output_weights']['equal']:.2g}. In "
                f"{blind} of {len(record['accuracy']['equal'])} networks no gradient at all "
                "reaches the first layer at the start. The number of bitwise distinct units in a "
                f"layer is {span(exact)}.",
                record["spread_of_first_weights"]["equal"] > 0
                and record["spread_of_output_weights"]["equal"] > 0,
            ),
            Finding(
                "Q1.7",
                f"With an equal start {alone} of {layers} layers still have a single distinct unit "
                f"after {record['steps'][-1]} steps; units per layer: {span(last['equal'])}.",
                alone == layers,
            ),
            Finding(
                "Q1.8",
                f"Independent draws give {span(record['distinct']['independent'][0])} distinct "
                f"units in each layer after the first step, and {span(last['independent'])} at the "
                "end.",
                min(last["independent"]) > max(last["equal"]) and better["mean"] > 0,
            ),
        ),
    )


def span(counts: list[int]) -> str:
    """The lowest and the highest count."""
    low, high = min(counts), max(counts)
    return f"{low:.0f}" if low == high else f"{low:.0f} to {high:.0f}"
