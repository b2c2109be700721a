"""Beyond the second edition: 1cycle, augmentation, and the published set-up beside ours."""

import numpy as np

from lightning_cifar.study.report.answer import Answer, Table
from lightning_cifar.study.report.answering import answer_of, chip, tone
from lightning_cifar.study.report.contrasts import MISSING, Finding
from lightning_cifar.study.report.declared import (
    AUGMENTED,
    MAIN,
    ONE_CYCLE,
    PAIRS,
    PUBLISHED,
    VARIANTS,
    Findings,
)
from lightning_cifar.study.report.measures import MEASURES, values
from lightning_cifar.study.report.study_files import Study
from lightning_cifar.study.report.wording import (
    TONES,
    difference,
    figure,
    interval,
    listed,
    p_value,
    verdict_word,
)

# Validation accuracy in percent, one seed; second edition, outputs of its notebook (TF 2.4.1).
BOOK = {"elu": 47.62, "batch_norm": 53.98, "selu": 47.92, "alpha_dropout": 48.90}
BOOK_EPOCHS = {"elu": 27, "batch_norm": 29, "selu": 8, "alpha_dropout": 8}
BOOK_ONE_CYCLE = 51.98  # at the last epoch, whose loss is the worst; best by loss: 50.40
BOOK_ONE_CYCLE_BEST = 50.40


def one_cycle_answer(findings: Findings) -> Answer:
    """1cycle against a constant rate: both with a search of their own and the same selection."""
    found = across_set_ups(findings, ONE_CYCLE, "test_accuracy")
    question = "Does 1cycle help, under the same rule of selection?"
    if not found:
        needs = "At least two seeds in both set-ups `one_cycle` and `exercise` are needed."
        return Answer("one-cycle", "8f", question, MISSING, TONES[MISSING], (), (), (needs,))
    words = {verdict_word(each) for each in found}
    verdict = chip(found[0]) if len(words) == 1 else "depends on the variant"
    missing = [
        each for each in VARIANTS if each not in {one.contrast.first.variant for one in found}
    ]
    return Answer(
        "one-cycle",
        "8f",
        question,
        verdict.replace("one_cycle", "1cycle"),
        tone(found[0]) if len(words) == 1 else "depends",
        one_cycle_sentences(found),
        (across_table(found, "1cycle", "a constant rate"),),
        tuple(f"`{variant}` has too few runs in one of the two set-ups." for variant in missing),
    )


def across_set_ups(findings: Findings, set_up: str, measure: str) -> list[Finding]:
    """One variant under ``set_up`` and under the exercise's, for each that has enough runs."""
    found = (findings.find(variant, variant, measure, set_up, MAIN) for variant in VARIANTS)
    return [each for each in found if each is not None and each.comparison is not None]


def one_cycle_sentences(found: list[Finding]) -> tuple[str, ...]:
    """The variants by verdict, and why the published gain is another figure."""
    groups: dict[str, list[str]] = {}
    for each in found:
        groups.setdefault(verdict_word(each), []).append(f"`{each.contrast.first.variant}`")
    told = "; ".join(f"**{word}** for {listed(names)}" for word, names in groups.items())
    return (
        f"1cycle against a constant rate, each with a search of its own: {told}.",
        f"The book quotes 1cycle at its last epoch ({BOOK_ONE_CYCLE:.1f} %; "
        f"{BOOK_ONE_CYCLE_BEST:.1f} % at the epoch with the lowest loss) and everything else at "
        "the epoch with the lowest validation loss. Here one rule holds for both.",
    )


def across_table(found: list[Finding], first: str, second: str) -> Table:
    """A row for each variant."""
    rows = tuple(
        (
            f"`{each.contrast.first.variant}`",
            *(figure(mean, each.contrast.measure) for mean in each.means),
            *difference_cells(each),
            verdict_word(each),
        )
        for each in found
    )
    title = found[0].contrast.measure.title
    headings = ("variant", first, second, "difference", "95 % interval", "seeds", "verdict")
    return Table(f"{title.capitalize()}: {first} and {second}", headings, rows)


def difference_cells(found: Finding) -> tuple[str, str, str]:
    """Difference, interval, and seeds with the adjusted p value."""
    comparison = found.comparison
    assert comparison is not None
    seeds = f"{len(comparison.differences)}"
    tested = f" (p {p_value(comparison.p_adjusted)})" if found.contrast.tested else ""
    return difference(comparison.mean, found.contrast.measure), interval(found), seeds + tested


def augmented_answer(findings: Findings) -> Answer:
    """What flips, shifts and a longer cycle add."""
    return answer_of(
        findings.find("batch_norm", "batch_norm", "test_accuracy", AUGMENTED, ONE_CYCLE),
        key="augmentation",
        part="beyond",
        question="What do augmentation and a longer 1cycle add?",
        needs="At least two seeds of `batch_norm` in both set-ups `augmented` and `one_cycle` are "
        "needed.",
    )


def published_answer(study: Study, findings: Findings) -> Answer:
    """The published figures, their set-up run by us, and the exercise's set-up."""
    question = "Do the published figures come back, and what did their confounds do?"
    found = across_set_ups(findings, PUBLISHED, "val_accuracy")
    runs = {variant: accuracies(study, PUBLISHED, variant) for variant in VARIANTS}
    if not any(runs.values()):
        needs = "No run of the set-up `published` has finished."
        table = (book_table(study),)
        return Answer("published", "beyond", question, MISSING, TONES[MISSING], (), table, (needs,))
    near = [name for name in VARIANTS if runs[name] and within_reach(name, runs[name])]
    tried = [name for name in VARIANTS if runs[name]]
    tables = [book_table(study)]
    if found:
        tables.append(across_table(found, "published set-up", "ours"))
    return Answer(
        "published",
        "beyond",
        question,
        f"{len(near)} of {len(tried)} within 2 points of the book",
        "true" if len(near) == len(tried) else "depends",
        (*book_sentences(near, tried), *confound_sentences(findings)),
        tuple(tables),
        tuple(f"No run of `{name}` in that set-up." for name in VARIANTS if name not in tried),
        ("published",),
    )


def accuracies(study: Study, set_up: str, variant: str) -> list[float]:
    """Validation accuracies of the runs that have one."""
    found = values(study, set_up, variant, MEASURES["val_accuracy"]).values()
    return [each for each in found if np.isfinite(each)]


def within_reach(variant: str, found: list[float]) -> bool:
    """Within 2 points: the book has one seed and 5,000 images, a standard error of 0.7."""
    return abs(float(np.mean(found)) - BOOK[variant]) <= 2


def book_sentences(near: list[str], tried: list[str]) -> tuple[str, ...]:
    """What comes back."""
    far = [name for name in tried if name not in near]
    came = listed([f"`{name}`" for name in near]) if near else "none"
    rest = f" Not: {listed([f'`{name}`' for name in far])}." if far else ""
    return (
        f"Mean within 2 points of the book's one figure: {came}.{rest} Each of the book's figures "
        "is one seed on 5,000 validation images, a standard error of 0.7 points, and the same "
        "notebook under another version of its library moved one of them by 3.5.",
        "The book's comparison is confounded: `elu` and `batch_norm` see raw pixels from 0 to 255, "
        "`selu` and `alpha_dropout` standardised ones, each at another rate picked by hand. "
        "The set-up `exercise` gives all the same inputs and a search.",
    )


def confound_sentences(findings: Findings) -> list[str]:
    """How gaps between variants move from the published set-up to ours."""
    sentences = []
    for first, second in PAIRS:
        gaps = [findings.find(first, second, "val_accuracy", name) for name in (PUBLISHED, MAIN)]
        theirs, ours = (gap.comparison if gap else None for gap in gaps)
        if theirs is None or ours is None:
            continue
        book = BOOK[first] - BOOK[second]
        sentences.append(
            f"`{first}` is ahead of `{second}` by {book:+.1f} points in the book, by "
            f"**{theirs.mean:+.1f}** ({theirs.low:+.1f} to {theirs.high:+.1f}) in our runs of its "
            f"set-up, and by **{ours.mean:+.1f}** ({ours.low:+.1f} to {ours.high:+.1f}) where "
            "inputs and search are the same."
        )
    between = (
        "What lies between the two is the work of input scale, batch size, patience and rates."
    )
    return sentences and [*sentences, f"{between} These gaps are described and not tested."]


def book_table(study: Study) -> Table:
    """The book's figures beside ours."""
    rows = tuple(
        (
            f"`{variant}`",
            f"{BOOK[variant]:.1f} % ({BOOK_EPOCHS[variant]} epochs)",
            spread(accuracies(study, PUBLISHED, variant)),
            spread(accuracies(study, MAIN, variant)),
            spread(accuracies(study, ONE_CYCLE, variant)),
        )
        for variant in VARIANTS
    )
    one_cycle = ("`alpha_dropout`, 1cycle, SGD", f"{BOOK_ONE_CYCLE:.1f} % (last epoch)")
    headings = ("variant", "book, one seed", "published set-up", "exercise", "1cycle")
    caption = "Validation accuracy at the lowest validation loss: mean ± standard deviation (seeds)"
    return Table(caption, headings, (*rows, (*one_cycle, "", "", "")))


def spread(found: list[float]) -> str:
    """Mean and standard deviation over seeds."""
    if not found:
        return "no run"
    if len(found) == 1:
        return f"{found[0]:.1f} % (1)"
    return f"{np.mean(found):.1f} ± {np.std(found, ddof=1):.1f} % ({len(found)})"
