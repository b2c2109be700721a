"""What the grid of activation functions and starts says of questions 3 and 4."""

from statistics import median

from benchmarks.real_network.q3_q4_activations import OWN_START
from benchmarks.real_network.telling import (
    Finding,
    Record,
    Told,
    average,
    figure,
    points,
    table,
)

NORMAL = (0.8, 1.25)  # variances that count as normalised, about 1
GRID = (
    "20 hidden layers of 100 units with six activation functions and three starts: LeCun's "
    "(variance 1 / inputs), He's (2 / inputs) and PyTorch's own (uniform, 1 / (3 inputs)), all "
    "with biases of 0. Each cell has its own rate and 3 seeds. A cell whose start was made "
    "for its function has all seeds, and only these cells are compared."
)


def tell_selu(record: Record) -> Told:
    """Question 3."""
    cells = record["cells"]
    selu, relu = cells["selu, lecun"], cells["relu, he"]
    steps = {name: median(values) for name, values in record["steps"].items()}
    against_relu, faster = (
        record[kind]["selu - relu"] for kind in ("comparisons", "step_comparisons")
    )
    better = [
        name for name, each in record["comparisons"].items() if each["differs"] and each["mean"] < 0
    ]
    rivals = [name.removeprefix("selu - ") for name in better]
    before, after = (normalised(selu[when]) for when in ("before", "after"))
    gradient = {name: cells[name]["before"]["gradients"] for name in ("selu, lecun", "relu, he")}
    orders = {name: each[0] / each[-2] for name, each in gradient.items()}
    weak = cells["relu, torch"]["before"]["gradients"][0] / gradient["relu, he"][0]
    layers = len(selu["before"]["variances"])
    widest = max(abs(each) for each in selu["after"]["means"])
    return Told(
        "SELU against ReLU",
        GRID + f" Steps are counted until the validation loss is {record['target']:.3g}, which "
        "every run with its function's own start reaches; the logistic function, which does not "
        "learn, is left out.",
        (
            table(
                ("cell", "variance before, first and last layer", "variance after", "mean after"),
                [
                    (
                        name,
                        ends(cell, "before", "variances"),
                        ends(cell, "after", "variances"),
                        ends(cell, "after", "means"),
                    )
                    for name, cell in cells.items()
                    if name in ("selu, lecun", "relu, he", "elu, he")
                ],
            ),
            table(
                ("SELU minus", "validation accuracy", "steps to the loss"),
                [
                    (
                        name.removeprefix("selu - "),
                        points(each),
                        points(record["step_comparisons"][name], "steps")
                        if name in record["step_comparisons"]
                        else "never reached",
                    )
                    for name, each in record["comparisons"].items()
                    if name.startswith("selu")
                ],
            ),
        ),
        (
            Finding(
                "Q3.1",
                f"{before} of {layers} layers of the SELU network have a variance between "
                f"{NORMAL[0]} and {NORMAL[1]} before training and {after} of {layers} after it, "
                f"when they reach {max(selu['after']['variances']):.3g}.",
                before == layers and after < layers,
            ),
            Finding(
                "Q3.2",
                "Before training the mean output of the last hidden layer is "
                f"{abs(relu['before']['means'][-1]):.2f} away from zero with ReLU and He's start "
                f"and {abs(selu['before']['means'][-1]):.2f} with SELU. With LeCun's start the "
                "variance of ReLU's last layer is "
                f"{figure(cells['relu, lecun']['before']['variances'][-1])}.",
                relu["before"]["means"][-1] > 2 * abs(selu["before"]["means"][-1])
                and cells["relu, lecun"]["before"]["variances"][-1] < NORMAL[0] / 10,
            ),
            Finding(
                "Q3.3",
                f"After training the means of the SELU network's layers reach {widest:.2f} and the "
                f"variances {max(selu['after']['variances']):.3g}; before it the variances lie "
                f"between {min(selu['before']['variances']):.2f} and "
                f"{max(selu['before']['variances']):.2f}.",
                before == layers and after < layers,
            ),
            Finding(
                "Q3.4",
                "From the last hidden layer to the first the gradient's norm changes by a factor "
                f"of {orders['selu, lecun']:.3g} with SELU and {orders['relu, he']:.3g} with "
                "ReLU and He's start. With ReLU and PyTorch's own start the first layer's gradient "
                f"has {weak:.2g} of the norm that it has with He's.",
                # Where signal and gradient shrink alike, all layers' gradients are as small.
                0.1 < orders["relu, he"] < 10 and weak < 0.01,
            ),
            Finding(
                "Q3.5",
                f"Median steps to the loss: SELU {steps['selu']:.0f}, ReLU {steps['relu']:.0f}, "
                f"ELU {steps['elu']:.0f}. SELU minus ReLU: {points(faster, 'steps')}.",
                faster["differs"] and faster["mean"] < 0,
            ),
            Finding(
                "Q3.7",
                f"SELU minus ReLU: {points(against_relu)}. The small deep race found SELU faster "
                "and its error larger.",
                not (against_relu["differs"] and against_relu["mean"] > 0),
            ),
            Finding(
                "Q3.9",
                "With its own start and rate, "
                + (f"{' and '.join(rivals)} is" if rivals else "no rival is")
                + " shown to have a higher accuracy than SELU.",
                bool(rivals),
            ),
        ),
    )


def tell_activations(record: Record) -> Told:
    """Question 4."""
    cells = record["cells"]
    relu = cells["relu, he"]
    own = {name: cells[f"{name}, {start}"] for name, start in OWN_START.items()}
    accuracy = {name: average(cell["accuracy"]) for name, cell in own.items()}
    bounded = record["comparisons"]["tanh - logistic"]
    lost = last_to_first(cells["logistic, lecun"])
    return Told(
        "which activation function when",
        GRID + " Moments and gradients are medians over the seeds, on 500 validation images.",
        (
            table(
                (
                    "activation, start",
                    "rate",
                    "validation accuracy (%)",
                    "variance of the last layer, before",
                    "gradient, first layer to last hidden one",
                    "silent units after",
                ),
                [
                    (
                        name,
                        cell["rate"],
                        f"{average(cell['accuracy']):.1f}",
                        figure(cell["before"]["variances"][-1]),
                        figure(last_to_first(cell)),
                        f"{cell['after']['silent']:.1%}",
                    )
                    for name, cell in cells.items()
                ],
            ),
            "A silent unit gives the same output for every image.",
        ),
        (
            Finding(
                "Q4.1",
                f"SELU with LeCun's start reaches {accuracy['selu']:.1f} %, with He's "
                f"{average(cells['selu, he']['accuracy']):.1f} % and with PyTorch's own "
                f"{average(cells['selu, torch']['accuracy']):.1f} %; the variance of its last "
                f"layer before training is {figure(own['selu']['before']['variances'][-1])} "
                "with LeCun's.",
                NORMAL[0] < own["selu"]["before"]["variances"][-1] < NORMAL[1]
                and accuracy["selu"] > max(accuracy["relu"], accuracy["logistic"]),
            ),
            Finding(
                "Q4.2",
                f"Of the ReLU network's hidden units {relu['before']['silent']:.1%} are silent "
                f"before training and {relu['after']['silent']:.1%} after it.",
                # Silent ones alone do not show that training silenced them.
                True if relu["after"]["silent"] > relu["before"]["silent"] else None,
            ),
            Finding(
                "Q4.3",
                f"With leaky ReLU {own['leaky_relu']['after']['silent']:.1%} of the hidden units "
                "are silent after training.",
                own["leaky_relu"]["after"]["silent"] == 0,
            ),
            Finding(
                "Q4.5",
                f"Before training {relu['before']['zeros']:.1%} of the ReLU network's hidden "
                "activations are exactly zero, although few values of the images are.",
                0.4 < relu["before"]["zeros"] < 0.6,
            ),
            Finding(
                "Q4.10",
                f"Hidden layers of tanh reach {accuracy['tanh']:.1f} %, of the logistic function "
                f"{accuracy['logistic']:.1f} %: {points(bounded)}.",
                bounded["differs"] and bounded["mean"] > 0,
            ),
            Finding(
                "Q4.12",
                "With the logistic function the gradient's norm in the first layer is "
                f"{lost:.2g} of that in the last hidden one, and the network reaches "
                f"{accuracy['logistic']:.1f} %, where guessing gives 10 %.",
                lost < 1e-8,
            ),
        ),
    )


def last_to_first(cell: Record) -> float:
    """Norm of the first layer's gradient by that of the last hidden one, before training."""
    gradients = cell["before"]["gradients"]
    return float(gradients[0] / gradients[-2])


def normalised(signal: Record) -> int:
    """How many layers have a variance near 1."""
    return sum(NORMAL[0] <= each <= NORMAL[1] for each in signal["variances"])


def ends(cell: Record, when: str, name: str) -> str:
    """Of the first and the last hidden layer."""
    values = cell[when][name]
    return f"{figure(values[0])}, {figure(values[-1])}"
