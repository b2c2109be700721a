"""The result of a search on disk, under a hash of all that decides it."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from lightning_cifar.files import write_text_atomically
from lightning_cifar.rate_search.search import Candidate, RangeTest, SearchResult, winner_of

SEARCH_FILE = "learning_rate.json"
PICTURE_FILE = "learning_rate.png"


def hash_of(settings: dict[str, Any]) -> str:
    """A short name for settings."""
    text = json.dumps(settings, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_result(result: SearchResult, settings: dict[str, Any], source: str, path: Path) -> None:
    """Write a result as JSON, with the settings it belongs to and how the run came by it."""
    data = dataclasses.asdict(result) | {"source": source, "settings": settings}
    write_text_atomically(path, json.dumps(data, indent=1, default=str) + "\n")


def read_result(path: Path, settings: dict[str, Any]) -> SearchResult | None:
    """Read a result for ``settings``; None when there is none, or only a damaged one."""
    try:
        data = json.loads(path.read_text())
        if hash_of(data["settings"]) != hash_of(settings):
            return None
        test = RangeTest(**{key: tuple(value) for key, value in data["test"].items()})
        race = tuple(Candidate(each["rate"], tuple(each["val_losses"])) for each in data["race"])
        winner = winner_of(race)
        return SearchResult(winner.rate, test, race) if data["rate"] == winner.rate else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def source_in(folder: Path) -> str:
    """How the run in ``folder`` came by its rate: "search", "cache", or else "given"."""
    try:
        return str(json.loads((folder / SEARCH_FILE).read_text())["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return "given"


def keep(result: SearchResult, settings: dict[str, Any], source: str, folder: Path) -> None:
    """Put the curve and the race into a run folder, as JSON and as a picture."""
    from lightning_cifar.rate_search.picture import draw_search  # matplotlib: only here

    folder.mkdir(parents=True, exist_ok=True)  # a stock trainer does not make its root folder
    write_result(result, settings, source, folder / SEARCH_FILE)
    draw_search(result).savefig(folder / PICTURE_FILE, dpi=120)
