"""The words a reader gives a verdict in."""

from difflib import get_close_matches

from theory.claim import Verdict
from theory.errors import DomainError

ANSWERS: tuple[Verdict, ...] = (
    Verdict.TRUE,
    Verdict.FALSE,
    Verdict.DEPENDS,
    Verdict.NOT_CHECKABLE,
)
ALLOWED = f"{', '.join(ANSWERS)}, or their first letters"

_WORDS = {name: verdict for verdict in ANSWERS for name in (verdict.value, verdict.value[0])}


def parse_verdict(word: str) -> Verdict:
    """The verdict that ``word`` names: in full, with any separator, or by its first letter.

    Raises:
        DomainError: it names none; the nearest is suggested.
    """
    plain = " ".join(word.casefold().replace("-", " ").replace("_", " ").split())
    if plain not in _WORDS:
        near = get_close_matches(plain, [verdict.value for verdict in ANSWERS], n=1)
        suggestion = f", did you mean {near[0]}?" if near else ";"
        raise DomainError(f"no verdict {word!r}{suggestion} verdicts are {ALLOWED}")
    return _WORDS[plain]
