"""The README's first screen: a picture of the four curves and the answers in three sentences.

The words follow the verdicts of the study; a verdict without words here is an error.
"""

from statistics import mean

from matplotlib.figure import Figure

from lightning_cifar.study.report.answers import report_of
from lightning_cifar.study.report.curve_figure import draw_curves
from lightning_cifar.study.study_files import Study

DARK, PALE, LINES = "#0d1117", "#e6edf3", "#3d444d"
BETTER = {
    "batch_norm better": "Batch normalisation gives the better model",
    "batch_norm worse": "Batch normalisation gives a worse model",
    "not enough evidence": "Batch normalisation gives no better model that the study could show",
}
EPOCHS = {
    "batch_norm faster": "in fewer epochs",
    "batch_norm slower": "in more epochs",
    "not enough evidence": "in about as many epochs as far as the study can tell",
}
MATCHES = {
    "selu worse": "SELU does not match it",
    "selu better": "SELU beats it",
    "equivalent": "SELU matches it",
    "not enough evidence": "whether SELU matches it stays open",
}
HELPS = {
    "alpha_dropout better": "alpha dropout helps",
    "alpha_dropout worse": "alpha dropout harms",
    "not enough evidence": "alpha dropout makes no difference that the study could show",
}


def said(words: dict[str, str], verdict: str) -> str:
    """A verdict in words; if the second rule of selection decides otherwise, with that."""
    first, _, second = verdict.partition("; by the second rule: ")
    note = f" (by the epoch of the highest validation accuracy: {second})" if second else ""
    return words[first] + note


def sentences(study: Study) -> str:
    """The answers of the exercise in three sentences."""
    answers = [each for each in report_of(study).answers if each.facts]
    verdict = {(each.question.part, each.question.kind): each.verdict for each in answers}
    accuracy = {
        (set_up, variant): mean(100 * each.test["accuracy"] for each in study.runs(set_up, variant))
        for set_up in ("exercise", "one_cycle")
        for variant in ("elu", "batch_norm", "selu", "alpha_dropout")
    }
    batch_norm, plain = accuracy["exercise", "batch_norm"], accuracy["exercise", "elu"]
    cycle = [accuracy["one_cycle", name] - accuracy["exercise", name] for _, name in accuracy]
    speed = verdict["8c", "speed"].partition(" times")[0]
    sampled = verdict["8e", "monte_carlo"].replace(": ", ", ")
    return (
        f"**{said(BETTER, verdict['8c', 'difference'])}** ({batch_norm:.1f} % of the test images "
        f"against {plain:.1f} %) {said(EPOCHS, verdict['8c', 'convergence'])}, each of which takes "
        f"{speed} times as long. **{said(MATCHES, verdict['8d', 'match'])}** "
        f"({accuracy['exercise', 'selu']:.1f} %), and {said(HELPS, verdict['8e', 'difference'])}. "
        f"**1cycle changes the four by {min(cycle):+.1f} to {max(cycle):+.1f} points**; Monte "
        f"Carlo dropout on the same weights: {sampled}."
    )


def curves(study: Study, *, dark: bool) -> Figure:
    """The learning curves of the exercise on a white or a dark page."""
    figure = draw_curves(study, "exercise")
    if dark:
        figure.set_facecolor(DARK)
        for axes in figure.axes:
            axes.set_facecolor(DARK)
            axes.tick_params(colors=PALE)
            axes.grid(color=LINES, linewidth=0.6)
            for text in (axes.xaxis.label, axes.yaxis.label):
                text.set_color(PALE)
            for spine in axes.spines.values():
                spine.set_color(PALE)
        for legend in figure.legends:
            for text in legend.get_texts():
                text.set_color(PALE)
    return figure
