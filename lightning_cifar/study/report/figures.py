"""The figures of the page by name, each with its caption and its words for those who cannot see."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.figure import Figure

from lightning_cifar.study.report.activation_figure import draw_activations
from lightning_cifar.study.report.answers import Answer, Report
from lightning_cifar.study.report.calibration_figures import draw_reliability, draw_samples
from lightning_cifar.study.report.curve_figure import curve_set_ups, draw_curves
from lightning_cifar.study.report.forest_figure import draw_forest, forest_findings
from lightning_cifar.study.report.published_figure import draw_published
from lightning_cifar.study.report.rate_figure import draw_rates
from lightning_cifar.study.report.writing import write_words
from theory.page_style.inline_svg import inline_svg


@dataclass(frozen=True)
class Drawing:
    """A figure as markup; ``choice`` is its set-up where a reader picks one, else empty."""

    name: str
    choice: str
    svg: Markup
    caption: str


# Of the whole study: a choice, if a reader has one, and its figure.
SHARED: dict[str, Callable[[Report], Iterable[tuple[str, Figure]]]] = {
    "rates": lambda report: [("", draw_rates(report.study))] if report.study.grid else [],
    "comparisons": lambda report: [
        ("", draw_forest(found)) for found in [forest_findings(report.findings)] if found
    ],
    "curves": lambda report: (
        (name, draw_curves(report.study, name)) for name in curve_set_ups(report.study)
    ),
}
# Of one answer that has something to draw.
OWN: dict[str, Callable[[Report, Answer], Figure]] = {
    "activations": lambda report, answer: draw_activations(answer.facts),
    "calibration": lambda report, answer: draw_reliability(answer.facts),
    "samples": lambda report, answer: draw_samples(answer.facts),
    "published": lambda report, answer: draw_published(answer.facts, answer.question),
}


def figures_of(report: Report) -> dict[str, list[list[Drawing]]]:
    """Key of a question -> its figures that no question before it has shown; choices together."""
    shown: set[str] = set()
    figures: dict[str, list[list[Drawing]]] = {}
    for answer in report.answers:
        key, names = answer.question.key, answer.question.figures
        shared = [name for name in names if name in SHARED and name not in shown]
        shown |= set(shared)
        own = [name for name in names if name in OWN and answer.tables and answer.facts]
        figures[key] = [
            *(drawings(name, name, SHARED[name](report)) for name in shared),
            *(drawings(name, f"{name}-{key}", [("", OWN[name](report, answer))]) for name in own),
        ]
    return figures


def drawings(name: str, unique: str, figures: Iterable[tuple[str, Figure]]) -> list[Drawing]:
    """Figures of one name as SVG with their words."""
    (caption,) = write_words("captions.txt", name).paragraphs
    found = []
    for number, (choice, figure) in enumerate(figures):
        words = f"{choice}: {caption}" if choice else caption
        svg = Markup(inline_svg(figure, f"figure-{unique}-{number}", words))
        found.append(Drawing(name, choice, svg, caption))
    return found
