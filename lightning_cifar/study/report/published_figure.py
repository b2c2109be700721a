"""The book's one figure for each variant beside our runs of its set-up and of ours."""

from matplotlib.figure import Figure

from lightning_cifar.study.report.axes import INK, legend_above, plain
from lightning_cifar.study.report.beyond_answers import BOOK, accuracies
from lightning_cifar.study.report.declared import MAIN, PUBLISHED, VARIANTS
from lightning_cifar.study.report.study_files import Study

SHOWN = (
    (PUBLISHED, "our runs of the published set-up", "#D55E00", 0.0),
    (MAIN, "our set-up", "#0072B2", 0.22),
)


def draw_published(study: Study) -> Figure:
    """Validation accuracy, every seed a dot."""
    figure = Figure(figsize=(8.4, 3.2))
    axes = plain(figure.subplots())
    figure.subplots_adjust(left=0.16, right=0.98, bottom=0.17, top=0.88)
    heights = [-place for place in range(len(VARIANTS))]
    axes.plot(
        [BOOK[each] for each in VARIANTS],
        [height + 0.22 for height in heights],
        "D",
        color=INK,
        label="the book, one seed",
    )
    for set_up, name, colour, shift in SHOWN:
        points = [
            (accuracy, height - shift)
            for variant, height in zip(VARIANTS, heights, strict=True)
            for accuracy in accuracies(study, set_up, variant)
        ]
        if points:
            axes.plot(*zip(*points, strict=True), "o", color=colour, markersize=4, label=name)
    axes.set_yticks(heights, VARIANTS)
    axes.set_ylim(heights[-1] - 0.6, 0.6)
    axes.set_xlabel("validation accuracy (%)")
    axes.grid(visible=False, axis="y")
    legend_above(figure, axes)
    return figure
