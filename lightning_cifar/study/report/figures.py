"""The figures of the page by name, each with its caption and its words for those who cannot see."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from matplotlib.figure import Figure

from lightning_cifar.study.report.activation_figure import draw_activations
from lightning_cifar.study.report.answers import Report
from lightning_cifar.study.report.calibration_figures import draw_reliability, draw_samples
from lightning_cifar.study.report.curve_figure import curve_set_ups, draw_curves
from lightning_cifar.study.report.forest_figure import draw_forest, forest_findings
from lightning_cifar.study.report.published_figure import draw_published
from lightning_cifar.study.report.rate_figure import draw_rates
from lightning_cifar.study.report.study_files import Study
from theory.page_style.inline_svg import inline_svg


@dataclass(frozen=True)
class Drawing:
    """A figure as markup.

    Attributes:
        choice: the set-up it shows, where a reader picks one; else empty.
    """

    name: str
    choice: str
    svg: str
    caption: str


CAPTIONS = {
    "rates": "Accuracy against the learning rate, one run a point; the triangles are the rates "
    "that the search found. Note the logarithmic axis: steps are factors.",
    "comparisons": "Differences paired by seed: every grey dot a seed, the diamond their mean, the "
    "bar its 95 % interval; green better, red worse, grey not shown. A yellow band is a declared "
    "margin.",
    "curves": "Validation loss and accuracy by epoch: the median over the seeds, in a band from "
    "the lowest run to the highest, as far as half of the runs go.",
    "activations": "Mean and variance of the activations by layer: dashed before training, solid "
    "at the best epoch. The blue band is the domain of the theorem.",
    "calibration": "Left: how often predictions are right, by how sure they are; below the "
    "diagonal a network is too sure. Right: how sure they are.",
    "samples": "Monte Carlo dropout by number of samples, on a logarithmic axis: mean and range "
    "over the seeds; the other two ways need one pass.",
    "published": "Validation accuracy at the lowest validation loss, every seed a dot.",
}
SINGLE: dict[str, Callable[[Study], Figure]] = {
    "rates": draw_rates,
    "activations": draw_activations,
    "calibration": draw_reliability,
    "samples": draw_samples,
    "published": draw_published,
}


def drawings(report: Report) -> list[Drawing]:
    """Every figure that an answer asks for, once; learning curves once for each set-up."""
    asked = dict.fromkeys(name for answer in report.answers for name in answer.figures)
    return [drawing for name in asked for drawing in drawn(report, name)]


def drawn(report: Report, name: str) -> Iterator[Drawing]:
    """The drawings of one name; none where there is nothing to draw."""
    if name == "comparisons":
        found = forest_findings(list(report.findings.all()))
        if found:
            yield drawing(name, draw_forest(found))
    elif name == "curves":
        for number, set_up in enumerate(curve_set_ups(report.study)):
            figure = draw_curves(report.study, set_up)
            yield drawing(name, figure, choice=set_up, suffix=f"-{number}")
    else:
        yield drawing(name, SINGLE[name](report.study))


def drawing(name: str, figure: Figure, choice: str = "", suffix: str = "") -> Drawing:
    """A figure as SVG with its words."""
    words = f"{choice}: {CAPTIONS[name]}" if choice else CAPTIONS[name]
    svg = inline_svg(figure, f"figure-{name}{suffix}", words)
    return Drawing(name, choice, svg, CAPTIONS[name])
