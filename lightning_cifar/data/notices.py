"""Lines on stderr for whoever waits, from one of several processes."""

import sys
from functools import cache

from lightning.pytorch.utilities import rank_zero_only


@rank_zero_only
def say(line: str) -> None:
    """Print a line; nothing if it is empty."""
    if line:
        print(line, file=sys.stderr, flush=True)


@cache
def say_once(line: str) -> None:
    """As ``say``, but once in a process: the short fits of a search need not repeat it."""
    say(line)
