"""Claims with verdict and figure as a LaTeX table that needs the package ``longtable`` alone."""

import re
from collections.abc import Iterable

from theory.claim import Claim, Evidence
from theory.report.claim_entry import key_figure
from theory.report.findings import ClaimFinding

_SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
_SIGNS = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "\N{NO-BREAK SPACE}": "~",
    "\N{MINUS SIGN}": "$-$",
    "\N{EN DASH}": "--",
    "“": "``",
    "”": "''",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "½": "1/2",
    "≤": r"$\le$",
    "≥": r"$\ge$",
    "±": r"$\pm$",
    "\N{MULTIPLICATION SIGN}": r"$\times$",
    "·": r"$\cdot$",
    "√": r"$\surd$",
    "∞": r"$\infty$",
    "π": r"$\pi$",
    "κ": r"$\kappa$",
    "λ": r"$\lambda$",
    "Σ": r"$\Sigma$",
    "é": r"\'e",
}
_HEAD = r"""\begin{longtable}{@{}lp{.42\textwidth}lp{.32\textwidth}@{}}
\hline
claim & statement & verdict & figure \\
\hline
\endhead"""


def latex_table(settled: Iterable[tuple[Claim, Evidence]]) -> str:
    """One row for each claim with its evidence: id, statement, verdict, the figure behind it."""
    rows = (
        " & ".join(map(_escaped, _cells(claim, evidence))) + r" \\" for claim, evidence in settled
    )
    return "\n".join([_HEAD, *rows, r"\hline", r"\end{longtable}"])


def _cells(claim: Claim, evidence: Evidence) -> tuple[str, ...]:
    figure = key_figure(ClaimFinding(claim, evidence))
    return claim.id, claim.statement, evidence.verdict, figure


def _escaped(words: str) -> str:
    parts = words.split("`")
    if len(parts) % 2 == 0:  # an unpaired backtick is just a character
        return _signs(words)
    return "".join(
        rf"\texttt{{{_signs(part)}}}" if place % 2 else _signs(part)
        for place, part in enumerate(parts)
    )


def _signs(words: str) -> str:
    plain = "".join(_SIGNS.get(sign, sign) for sign in words)
    return re.sub("[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", _power, plain)


def _power(found: re.Match[str]) -> str:
    return f"$^{{{found[0].translate(_SUPERSCRIPTS)}}}$"
