"""Plain words as markup: backticks mark code, ** what is strong, everything else is escaped."""

import re

from theory.page_style.markup import element, prose

_STRONG = re.compile(r"\*\*(?P<words>[^*]+)\*\*")


def rich(words: str) -> str:
    """Set ``words`` safely, with code and strong parts."""
    return _STRONG.sub(lambda found: element("b", found["words"]), prose(words))
