"""Mean and variance of the activations through the depth of the network."""

from matplotlib.figure import Figure

from lightning_cifar.runs.variant_colours import COLOURS
from lightning_cifar.study.report.axes import legend_above, pair, plain
from lightning_cifar.study.report.declared import MAIN, VARIANTS
from lightning_cifar.study.report.selu_answers import MEANS, VARIANCES, layers_at
from lightning_cifar.study.report.study_files import Study


def draw_activations(study: Study) -> Figure:
    """Dashed before training, solid at the best epoch; the band is where SELU's map contracts."""
    figure, left, right = pair(3.6)
    for variant in VARIANTS:
        for moment, style in (("start", "--"), ("best", "-")):
            layers = layers_at(study.runs(MAIN, variant), moment)
            if layers is None:
                continue
            depth = range(1, layers.count + 1)
            label = variant if moment == "best" else None
            colour = COLOURS[variant]
            left.plot(depth, layers.means, style, color=colour, linewidth=1.6, label=label)
            right.plot(depth, layers.variances, style, color=colour, linewidth=1.6)
    left.axhspan(*MEANS, color="#dfeaf5", zorder=0)
    right.axhspan(*VARIANCES, color="#dfeaf5", zorder=0)
    left.set(xlabel="hidden layer", ylabel="mean")
    right.set(xlabel="hidden layer", ylabel="variance", yscale="log")
    for axes in (left, right):
        plain(axes)
        axes.set_xticks(range(0, 21, 5))
    legend_above(figure, left)
    return figure
