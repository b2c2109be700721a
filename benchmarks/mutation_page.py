"""docs/mutation.md: the share of mutants that the tests notice, and a reason for each of the rest.

    python -m benchmarks.mutation_page

Written from the results of benchmarks/mutation.py. A mutant without a reason in
benchmarks/mutation_reasons.py is an error: look at it, then write a test or a reason.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.mutant_verdicts import ENDLESS, NOTICED, RESULTS
from benchmarks.mutation_reasons import REASONS
from lightning_cifar.files import write_text_atomically

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "mutation.md"
CHANGED = {
    "theory": "the code in `theory/` that measures, and that reads, marks and scores answers. Left "
    "out are the claims' texts and records, the evidence (which `tests/theory/test_claims.py` "
    "holds against its controls), the command line, pages and pictures",
    "lightning_cifar": "the code in `lightning_cifar/`. Left out are pages and pictures (templates "
    "and drawing of the study's report, figures, the contact sheet), whose mutants change how "
    "something looks, which their own tests and the eye judge; and what runs with a GPU "
    "(`cuda_graph.py`) or with Ray (`ray_engine.py`) alone, which no test here can reach",
}
INTRODUCTION = (
    "# Mutation testing",
    "",
    "Written by `python -m benchmarks.mutation_page` from `benchmarks/results/mutation*.json`.",
    "",
    "    python -m pip install mutmut==3.8.1 pyarrow",
    "",
    "mutmut changes the code in thousands of ways (settings in `pyproject.toml`): numbers and "
    "operators changed, arguments dropped, conditions turned round. `benchmarks/mutation.py` "
    "judges these mutants: one process imports torch and collects the tests, then forks; a child "
    "runs the tests that reach the mutated function, those named after its module first, until one "
    "fails. Processes that a test starts "
    "run the mutant too, and what they call counts as reached. The limit on an endless mutant is "
    "on its CPU time. The command goes on after a break; `--again` judges once more what was not "
    "noticed, as after a new test.",
)


def main() -> None:
    """Write the page; refuse a mutant without a reason."""
    write_text_atomically(PAGE, page(read_results()))


def read_results() -> dict[str, dict[str, Any]]:
    """The result of each wing that has been judged."""
    return {wing: json.loads(path.read_text()) for wing, path in RESULTS.items() if path.exists()}


def described(name: str, lines: list[str]) -> tuple[str, str]:
    """A mutant's function and number; the text that reasons are looked up by."""
    function, _, number = name.partition(".")[2].partition("__mutmut_")
    function = re.sub(r"\.x_?(ǁ)?", ".", function).replace("ǁ", ".")
    changed = " || ".join(line[0] + line[1:].strip() for line in lines)
    return f"{function} {number}", f"{function} | {changed}"


def reason_of(wing: str, text: str) -> str:
    """Why nothing notices the mutant.

    Raises:
        ValueError: no reason is written down.
    """
    for pattern, reason in REASONS[wing]:
        if re.search(pattern, text):
            return reason
    raise ValueError(f"no reason for {text}; write a test that notices it, or a reason")


def by_reason(wing: str, not_noticed: Mapping[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """Reason -> function -> numbers of its mutants; the reason with the most mutants first."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, lines in not_noticed.items():
        label, text = described(name, lines)
        function, number = label.split()
        found.setdefault(reason_of(wing, text), {}).setdefault(function, []).append(number)
    return dict(sorted(found.items(), key=lambda item: -total(item[1])))


def total(functions: Mapping[str, list[str]]) -> int:
    """How many mutants there are."""
    return sum(map(len, functions.values()))


def page(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The page as Markdown."""
    sections = [line for wing, result in results.items() for line in section(wing, result)]
    return "\n".join((*INTRODUCTION, "", *sections))


def section(wing: str, result: Mapping[str, Any]) -> list[str]:
    """What one wing's tests notice."""
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in result["counts"].items())
    noticed = result["counts"].get(NOTICED, 0) + result["counts"].get(ENDLESS, 0)
    rows = [
        f"| {reason} | {total(functions)} | {listed(functions)} |"
        for reason, functions in by_reason(wing, result["not_noticed"]).items()
    ]
    return [
        f"## `{wing}`",
        "",
        f"    {command(wing, result)}",
        "",
        f"mutmut makes {result['all_mutants']:,} mutants of {CHANGED[wing]}.",
        "",
        f"**{noticed / result['mutants']:.1%} of {judged(result)} are noticed**{sampled(result)}: "
        f"{counts}. What never ends is noticed too.",
        "",
        *patience(result),
        *left_out(result),
        "What was not noticed, and why; numbers are mutmut's, of the mutants of a function:",
        "",
        "| reason | mutants | which |",
        "|---|---|---|",
        *rows,
        "",
    ]


def command(wing: str, result: Mapping[str, Any]) -> str:
    """What judges the wing's mutants again."""
    sample = ("--sample", result["mutants"], "--seed", result["sample_seed"])
    patient = ("--patience", f"{result['patience']:g}") if result["patience"] is not None else ()
    chosen = sample if result["sample_seed"] is not None else ()
    return " ".join(map(str, ("python -m benchmarks.mutation", wing, *chosen, *patient)))


def judged(result: Mapping[str, Any]) -> str:
    """Which mutants the share is of."""
    if result["sample_seed"] is None:
        return "the mutants"
    return f"a sample of {result['mutants']:,} mutants"


def sampled(result: Mapping[str, Any]) -> str:
    """What a sample says about all mutants."""
    if result["sample_seed"] is None:
        return ""
    low, high = result["interval"]
    return (
        f" (of all mutants {low:.1%} to {high:.1%}, Clopper and Pearson's 95 % interval; the tests "
        "were written for what other samples had shown)"
    )


def patience(result: Mapping[str, Any]) -> list[str]:
    """A sentence on tests that a mutant was spared."""
    if result["patience"] is None:
        return []
    return [
        f"A mutant that lived through {result['patience']:g} seconds of tests, those named "
        "after its module and those of its room first, counts as not noticed; the share can only "
        "come out too small.",
        "",
    ]


def left_out(result: Mapping[str, Any]) -> list[str]:
    """A sentence on tests that cannot judge."""
    if not result["tests_left_out"]:
        return []
    names = ", ".join(f"`{name}`" for name in result["tests_left_out"])
    return [f"Left out are tests that fail on sources as mutmut writes them: {names}.", ""]


def listed(functions: Mapping[str, list[str]]) -> str:
    """Functions with the numbers of their mutants."""
    return "; ".join(
        f"`{function}` {', '.join(sorted(numbers, key=int))}"
        for function, numbers in sorted(functions.items())
    )


if __name__ == "__main__":
    main()
