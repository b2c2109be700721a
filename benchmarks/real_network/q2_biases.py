"""Question 2: biases that start at 0, at 0.01, or drawn."""

from functools import partial

from torch import nn

from benchmarks.real_network.comparing import compared, percent
from benchmarks.real_network.measures import gradient_norms
from benchmarks.real_network.runs import searched, trained
from benchmarks.real_network.setting import Setting
from benchmarks.real_network.starts import Build, network, with_biases, with_drawn_biases
from benchmarks.real_network.telling import Finding, Record, Told, average, points, table
from lightning_cifar.networks import he_normal
from lightning_cifar.stack.network import StackedNetwork

MARGIN = 1.0  # points of accuracy below which a difference does not matter
CONSTANT = 0.01


def zero(setting: Setting, seed: int) -> nn.Sequential:
    """The ELU network of the exercise."""
    return network("elu", he_normal, setting, seed)


def constant(setting: Setting, seed: int) -> nn.Sequential:
    """The same weights and biases of 0.01."""
    return with_biases(zero(setting, seed), CONSTANT)


def drawn(setting: Setting, seed: int) -> nn.Sequential:
    """The same weights and biases as PyTorch draws them."""
    return with_drawn_biases(zero(setting, seed), seed)


def conditions(setting: Setting) -> dict[str, Build]:
    """The three starts."""
    return {
        "zero": partial(zero, setting),
        "0.01": partial(constant, setting),
        "drawn": partial(drawn, setting),
    }


def measure(setting: Setting) -> Record:
    """Gradients at the start and accuracy of each."""
    found = conditions(setting)
    start = StackedNetwork([build(seed) for build in found.values() for seed in setting.seeds])
    labels = setting.validation.labels[: len(setting.probes)]
    norms = gradient_norms(start, setting.probes, labels).log10()
    # The starts hardly differ, so that the best rates would differ by the noise of the search.
    rates = dict.fromkeys(found, searched({"zero": found["zero"]}, setting)["zero"])
    runs = trained(found, rates, setting)
    accuracy = {name: percent(runs.of(name).accuracy) for name in found}
    lost = {name: (norms[rows, -1] - norms[rows, 0]) for name, rows in runs.rows.items()}
    zero = accuracy["zero"]
    return {
        "rates": rates,
        "accuracy": accuracy,
        "comparisons": compared(
            {f"{name} - zero": (accuracy[name], zero) for name in ("0.01", "drawn")}, MARGIN
        ),
        # Powers of ten between the norms of the last and the first layer's gradients.
        "orders_lost": lost,
    }


def tell(record: Record) -> Told:
    """The section of the page."""
    accuracy = {name: average(values) for name, values in record["accuracy"].items()}
    lost = {name: average(values) for name, values in record["orders_lost"].items()}
    comparisons = record["comparisons"]
    change = {name: abs(lost[name] - lost["zero"]) for name in ("0.01", "drawn")}
    harmless = {name: outcome(each) for name, each in comparisons.items()}
    outcomes = set(harmless.values())
    return Told(
        "biases at 0, at 0.01, or drawn",
        "ELU network, He's rule. All three have the same weights and the rate found for biases "
        "of 0. Drawn biases are uniform within 1/√inputs of 0. The gradient is that of a layer's "
        "weights on 500 images before training.",
        (
            table(
                (
                    "biases",
                    "rate",
                    "validation accuracy (%)",
                    "powers of ten from the last layer's gradient to the first's",
                ),
                [
                    (name, record["rates"][name], f"{accuracy[name]:.1f}", f"{lost[name]:+.2f}")
                    for name in accuracy
                ],
            ),
            "\n".join(
                f"- {name}: {points(each)}; "
                + ("equivalent within" if each["equivalent"] else "not shown to be within")
                + f" {MARGIN:g} point."
                for name, each in comparisons.items()
            ),
        ),
        (
            Finding(
                "Q2.4",
                "From the last layer to the first the gradient changes by "
                f"{lost['zero']:+.2f} powers of ten with biases of 0 and by {lost['drawn']:+.2f} "
                "with drawn ones.",
                change["drawn"] < 1,
            ),
            Finding(
                "Q2.5",
                f"Biases of 0.01 change the accuracy by {points(comparisons['0.01 - zero'])}, the "
                f"gradient by {change['0.01']:.2f} powers of ten.",
                harmless["0.01 - zero"],
            ),
            Finding(
                "Q2.6",
                f"Drawn biases change the accuracy by {points(comparisons['drawn - zero'])}.",
                harmless["drawn - zero"],
            ),
            Finding(
                "Q2.7",
                f"Zero, 0.01 and drawn biases reach {accuracy['zero']:.1f}, "
                f"{accuracy['0.01']:.1f} and {accuracy['drawn']:.1f} % of the validation images.",
                False if False in outcomes else None if None in outcomes else True,
            ),
        ),
    )


def outcome(comparison: Record) -> bool | None:
    """Whether another start than 0 makes no difference; None where neither is shown."""
    if comparison["differs"] and comparison["mean"] > MARGIN:
        return False
    return True if comparison["equivalent"] else None
