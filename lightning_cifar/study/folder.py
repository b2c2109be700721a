"""The folder of a study: its configuration and its files."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lightning_cifar.errors import InputError
from lightning_cifar.files import exclusive, write_text_atomically
from lightning_cifar.study.conditions import Condition
from lightning_cifar.study.plan import Plan
from lightning_cifar.study.records import RECORDS_FOLDER
from lightning_cifar.study.study_files import PLAN_FILE

LOCK_FILE = ".plan.lock"
RATES_FOLDER = "rates"
WEIGHTS_FOLDER = "weights"
LOGITS_FOLDER = "logits"
JOBS_FOLDER = "jobs"
FOLDERS = (RECORDS_FOLDER, RATES_FOLDER, WEIGHTS_FOLDER, LOGITS_FOLDER, JOBS_FOLDER)
SEARCHES = "a search a seed"  # whose rates may not be mixed with those of one search for all seeds


def open_study(
    study: Path, plan: Plan, conditions: Sequence[Condition], fingerprints: Mapping[str, str]
) -> None:
    """Make the folder of a study, or check that an existing one belongs to the same.

    Seeds may be added, and nothing else may differ.

    Raises:
        InputError: the folder belongs to another configuration, with the key that differs.
    """
    asked = plan_fields(plan, conditions, fingerprints)
    try:
        study.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot create the study folder {study}: {error.strerror}; choose another --out"
        ) from error
    with exclusive(study / LOCK_FILE):
        earlier = read_plan_file(study / PLAN_FILE)
        foreign = {each.name for each in study.iterdir()} - {PLAN_FILE, LOCK_FILE, *FOLDERS}
        if earlier is None and foreign:
            raise InputError(
                f"{study} is not a study: it contains {min(foreign)} and no {PLAN_FILE}; "
                "choose another --out"
            )
        if earlier is not None:
            check_same(study, earlier, asked)
            asked = with_most_seeds(asked, earlier)
        if asked != earlier:
            write_text_atomically(study / PLAN_FILE, json.dumps(asked, indent=1) + "\n")


def plan_fields(
    plan: Plan, conditions: Sequence[Condition], fingerprints: Mapping[str, str]
) -> dict[str, Any]:
    """All that was asked, as plain values; ``conditions`` are those of the whole plan."""
    runs = {
        condition.name: condition.config(0)
        | {"images": fingerprints[condition.name], "rates": SEARCHES}
        for condition in conditions
    }
    for settings in runs.values():
        del settings["seed_everything"]
    fields = {
        "seeds": plan.seeds,
        "set_ups": {name: asdict(set_up) for name, set_up in plan.set_ups.items()},
        "comparisons": [
            asdict(each) | {"first": "/".join(each.first), "second": "/".join(each.second)}
            for each in plan.comparisons
        ],
        "runs": runs,
    }
    return dict(json.loads(json.dumps(fields)))


def read_plan_file(path: Path) -> dict[str, Any] | None:
    """The plan in a study folder; None if there is none, InputError if it is damaged."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return {key: fields[key] for key in ("seeds", "set_ups", "comparisons", "runs")}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path} is damaged ({error}); remove it, and the same command writes it again"
        ) from error


def check_same(study: Path, earlier: dict[str, Any], asked: dict[str, Any]) -> None:
    """Refuse a folder in which anything but a number of seeds differs."""
    theirs, ours = dict(flat(earlier)), dict(flat(asked))
    for key in [*theirs, *ours]:
        if theirs.get(key) != ours.get(key) and key.rpartition(".")[2] != "seeds":
            raise InputError(
                f"{study} is a study of another configuration: {key} is "
                f"{theirs.get(key, 'absent')!r} there and {ours.get(key, 'absent')!r} here; "
                "choose another --out"
            )


def flat(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Nested mappings and lists as pairs of a dotted key and a plain value."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from flat(each, f"{key}.{name}".lstrip("."))
    elif isinstance(value, list) and value:
        for number, each in enumerate(value):
            yield from flat(each, f"{key}[{number}]")
    else:
        yield key, value


def with_most_seeds(asked: dict[str, Any], earlier: dict[str, Any]) -> dict[str, Any]:
    """The plan with the larger numbers of seeds: asking for fewer takes none away."""
    set_ups = {
        name: each | {"seeds": max(each["seeds"], earlier["set_ups"][name]["seeds"])}
        for name, each in asked["set_ups"].items()
    }
    return asked | {"seeds": max(asked["seeds"], earlier["seeds"]), "set_ups": set_ups}
