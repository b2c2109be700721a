"""A sample of all mutants, and what the share noticed in it says about the share of all."""

import random
from collections import defaultdict
from collections.abc import Iterable

from scipy.stats import binomtest


def room_of(mutant: str) -> str:
    """The folder, or the module beside the folders, that a mutant lies in."""
    return mutant.split(".")[1]


def drawn(mutants: Iterable[str], size: int, seed: int) -> list[str]:
    """Draw ``size`` mutants, from each room in proportion to how many it has.

    The members of each room, shuffled, are spread evenly from 0 to 1, and the first ``size`` of all
    are taken: a larger sample with the same seed goes on where a smaller one ends.

    Raises:
        ValueError: there are fewer mutants.
    """
    rooms: dict[str, list[str]] = defaultdict(list)
    for mutant in sorted(mutants):
        rooms[room_of(mutant)].append(mutant)
    generator = random.Random(seed)
    places = []
    for members in rooms.values():
        generator.shuffle(members)
        for number, mutant in enumerate(members):
            places.append(((number + generator.random()) / len(members), mutant))
    if not 0 < size <= len(places):
        raise ValueError(f"a sample of {size} from {len(places)} mutants: give 1 to {len(places)}")
    return [mutant for _, mutant in sorted(places)[:size]]


def interval(noticed: int, judged: int) -> tuple[float, float]:
    """Return Clopper and Pearson's 95 % interval for a share (Biometrika 26, 1934)."""
    found = binomtest(noticed, judged).proportion_ci(0.95, method="exact")
    return float(found.low), float(found.high)
