"""docs/mutation.md: every mutant of the theory wing that no test noticed, with the reason.

    python -m benchmarks.mutation_page

Written from benchmarks/results/mutation.json. A mutant without a reason here is an error: look at
it, then write a test or a reason.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_cifar.files import write_text_atomically

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "benchmarks" / "results" / "mutation.json"
PAGE = ROOT / "docs" / "mutation.md"

# (pattern of "function | changed lines", reason), the first that matches counts.
REASONS = (
    (
        r"^nonlinearities\.(elu|_normal_distribution) ",
        "Called while the module is imported, before a mutant can be switched on; "
        "`test_nonlinearities` holds the values it makes against other formulas",
    ),
    (
        r"strict=(True|None|False)|zip\(.*, \)",
        "`strict` of `zip`, a guard against slips: the lists are equally long",
    ),
    (r"(dim=|softmax\()\+1|OTHER_SCORES\)\], \+1", "Axis 1 for -1: the same of a matrix"),
    (
        r"^momentum\.descent\.gradient_weights .*(\[point\], momentum|lr=2)",
        "The rate: what is read is the optimiser's buffer of gradients, in which it has no part",
    ),
    (r"foreach=", "Another of PyTorch's implementations of the same update"),
    (
        r"^momentum\.descent\.(descend|gradient_weights) .*requires_grad",
        "The gradient is set by hand, so the tensor need not ask for one",
    ),
    (
        r"^dropout\.demo\.(_time|_measure) .*(lambda: None|times\[)|pairs == 1",
        "Wall times are measured and shown, never asserted",
    ),
    (
        r"^dropout\.demo\._measure .*dropped\[",
        "Any layer of the network sees as many passes as the last one",
    ),
    (
        r"^dropout\.demo\.demonstrate .*-seed=seed",
        "The counts do not depend on the weights that the seed draws",
    ),
    (r"kwargs", "Keywords that no operation gets in the networks counted"),
    (r"training=True\)", "The default of PyTorch's function"),
    (
        r"^sparsity\.pruning\..*(kind=None|axis=None, \)|kind=\"stable\"\)$|reshape\(None\))",
        "An order of equal weights that no draw has, or an axis of what has one alone",
    ),
    (
        r"(dtype=None|, \)|\.to\(None\))",
        "The type of a number that is exact in either",
    ),
    (
        r"^symmetry\.demo\.exclusive_or ",
        "Another corner in the same quadrant: as much a corner of the problem",
    ),
    (
        r"\w+: (int|float|str|bool) = ",
        "Another default value: any of the domain is as right, and tests give their own",
    ),
    (
        r"\+\"(XX|[A-Z ,0]{9,})|'XX|einsum\(\"D|float\(\"INF|\"STABLE|1e\+150",
        "The wording of a message, or letters that NumPy, PyTorch or Python read as the same",
    ),
    (
        r"(x >= 0|< 0\.01:|< LOSS|reached >= step|low <= step|step <= high|>= 1e6|1000001|"
        r"< 1e150|discriminant <= |x >= edge|apart < SAME|< bound|> zeros|2\*\*63|"
        r"limit \+ 2|passes >= 1)",
        "A boundary that is met by nothing, or at which both sides agree",
    ),
    (r" 13\) \+ 0\.0|round\(13\)| - 0\.0", "The last of a dozen digits, or the sign of a zero"),
    (
        r"^activations\.recurrent\.largest_hidden_state .*torch\.zeros\(",
        "A further state that is not used, or rows that broadcast",
    ),
    (
        r"(torch\.zeros\(2|zeros\(networks, 1, 2|linspace\(0, 50, 102\)|torch\.zeros\(inputs\)|"
        r"range\(31\))",
        "A row, a point or a step more than is needed, or an axis less",
    ),
    (
        r"(inputs\.sum\(dim=1\) - draw|constant - spread|@ second - output_bias|"
        r"inputs @ weights \+ targets)",
        "The other sign of something symmetric: the same distribution, or the mirrored descent",
    ),
    (r"scale / sides", "The sides are +1 and -1: to divide by one is to multiply by it"),
    (r"passes\.append\((None|2)\)", "What is counted is how often the hook was called"),
    (r"display=None|bias=None", "`None` is as false as `False`"),
    (r"bias\[0\] = -2", "Further below zero: as much switched off"),
    (r"first_gradient = layer, 1\.0", "Overwritten in the first step"),
    (r"kinds\)\), 1\)", "The fallback for a network without dropout, whose samples are all alike"),
    (r"max=1\.0", "A clamp against overflow: between 0 and 1 nothing overflows"),
    (r"layers\[1\]\.weight", "All layers of the network have the same width"),
    (r"\(passes > 1\) or True", "The mean of one pass is that pass"),
)


def main() -> None:
    """Write the page; refuse a mutant without a reason."""
    write_text_atomically(PAGE, page(json.loads(RESULT.read_text())))


def described(name: str, lines: list[str]) -> tuple[str, str]:
    """A mutant's function and number; the text that reasons are looked up by."""
    function, _, number = name.removeprefix("theory.").partition("__mutmut_")
    function = re.sub(r"\.x_?(ǁ)?", ".", function).replace("ǁ", ".")
    changed = " || ".join(line[0] + line[1:].strip() for line in lines)
    return f"{function} {number}", f"{function} | {changed}"


def reason_of(text: str) -> str:
    """Why nothing notices the mutant.

    Raises:
        ValueError: no reason is written down.
    """
    for pattern, reason in REASONS:
        if re.search(pattern, text):
            return reason
    raise ValueError(f"no reason for {text}; write a test that notices it, or a reason")


def by_reason(not_noticed: Mapping[str, list[str]]) -> dict[str, dict[str, list[str]]]:
    """Reason -> function -> numbers of its mutants; the reason with the most mutants first."""
    found: dict[str, dict[str, list[str]]] = {}
    for name, lines in not_noticed.items():
        label, text = described(name, lines)
        function, number = label.split()
        found.setdefault(reason_of(text), {}).setdefault(function, []).append(number)
    return dict(sorted(found.items(), key=lambda item: -total(item[1])))


def total(functions: Mapping[str, list[str]]) -> int:
    """How many mutants there are."""
    return sum(map(len, functions.values()))


def page(result: Mapping[str, Any]) -> str:
    """The page as Markdown."""
    reasons = by_reason(result["not_noticed"])
    rows = [
        f"| {reason} | {total(functions)} | {listed(functions)} |"
        for reason, functions in reasons.items()
    ]
    counts = ", ".join(f"{count:,} {verdict}" for verdict, count in result["counts"].items())
    return "\n".join(
        (
            "# Mutation testing of the theory wing",
            "",
            "Written by `python -m benchmarks.mutation_page` from "
            "`benchmarks/results/mutation.json`.",
            "",
            "    python -m pip install mutmut==3.8.1",
            "    python benchmarks/mutation.py --out benchmarks/results/mutation.json",
            "",
            f"mutmut makes {result['mutants']:,} mutants of the measuring code in `theory/` "
            "(settings in `pyproject.toml`): numbers and operators changed, arguments dropped, "
            "conditions turned round. Left out are the claims' texts and records, the "
            "evidence (which `tests/theory/test_claims.py` holds against its controls) and the "
            "drawing. `benchmarks/mutation.py` judges them: one process imports torch and collects "
            "the tests, then forks; a child runs the tests that reach the mutated function until "
            "one fails. The limit on an endless mutant is on its CPU time. The command goes on "
            "after a break; `--again` judges what was not noticed once more, as after a new test.",
            "",
            "## Result",
            "",
            f"**{result['share_noticed']:.1%} of the mutants are noticed**: {counts}.",
            "",
            "## What was not noticed, and why",
            "",
            "Numbers are mutmut's, of the mutants of a function.",
            "",
            "| reason | mutants | which |",
            "|---|---|---|",
            *rows,
            "",
        )
    )


def listed(functions: Mapping[str, list[str]]) -> str:
    """Functions with the numbers of their mutants."""
    return "; ".join(
        f"`{function}` {', '.join(sorted(numbers, key=int))}"
        for function, numbers in sorted(functions.items())
    )


if __name__ == "__main__":
    main()
