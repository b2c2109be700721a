"""The book's one figure for each variant, our runs of its set-up, and our runs of ours."""

from matplotlib.figure import Figure

from lightning_cifar.study.report.axes import INK, legend_above, plain
from lightning_cifar.study.report.questions import Question
from lightning_cifar.study.report.set_ups import Published

SHOWN = (("our runs of the published set-up", "#D55E00", 0.0), ("our set-up", "#0072B2", 0.22))


def draw_published(found: Published, question: Question) -> Figure:
    """Validation accuracy, every seed a dot."""
    book = question.book or {}
    figure = Figure(figsize=(8.4, 3.2))
    axes = plain(figure.subplots())
    figure.subplots_adjust(left=0.16, right=0.98, bottom=0.17, top=0.88)
    heights = [-place for place in range(len(book))]
    axes.plot(
        [each["accuracy"] for each in book.values()],
        [height + 0.22 for height in heights],
        "D",
        color=INK,
        label="the book, one seed",
    )
    for place, (name, colour, shift) in enumerate(SHOWN):
        points = [
            (accuracy, height - shift)
            for variant, height in zip(book, heights, strict=True)
            for accuracy in found.accuracies[variant][place]
        ]
        if points:
            axes.plot(*zip(*points, strict=True), "o", color=colour, markersize=4, label=name)
    axes.set_yticks(heights, list(book))
    axes.set_ylim(heights[-1] - 0.6, 0.6)
    axes.set_xlabel("validation accuracy (%)")
    axes.grid(visible=False, axis="y")
    legend_above(figure, axes)
    return figure
