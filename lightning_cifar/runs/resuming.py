"""Whether a run can be continued, from which checkpoint, and with which changed settings."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lightning_cifar.runs.checkpoints import DamagedCheckpoint, load_checkpoint
from lightning_cifar.runs.configuration import CONFIG_FILE, Config, read_settings
from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import RECORD_FILE, RUNNING, read_record
from lightning_cifar.runs.folders import LAST_FILE, PREVIOUS_FILE

LENGTH = "trainer.max_epochs"
PATIENCE = "early_stopping.patience"
# These decide when training ends or where files lie, not what an epoch computes.
FREE_KEYS = {LENGTH, PATIENCE, "data.cache", "learning_rate_search.cache"}
TEMPORARY_FILES = ".*.*.????????"  # as write_atomically names them


def resume_point(folder: Path, wanted: Config) -> Path | None:
    """The newest undamaged checkpoint of a run; None, said aloud, if it has not got that far.

    wanted: the configuration to continue with.

    Raises:
        InputError: there are checkpoints, and all are damaged; or the one found was made with
            another configuration.
    """
    for leftover in folder.glob(TEMPORARY_FILES):
        leftover.unlink(missing_ok=True)
    path, checkpoint = newest_undamaged(folder)
    if checkpoint is not None:
        check_unchanged(checkpoint["configuration"], wanted)
    return path


def newest_undamaged(folder: Path) -> tuple[Path | None, dict[str, Any] | None]:
    """Path and content of the checkpoint to continue from; a damaged one is moved aside."""
    damaged: list[Path] = []
    for path in (folder / LAST_FILE, folder / PREVIOUS_FILE):
        if not path.exists():
            continue
        try:
            checkpoint = load_checkpoint(path)
        except DamagedCheckpoint:
            damaged.append(path)
            print(f"{path} is damaged; trying the one before it", file=sys.stderr)
            continue
        for each in damaged:  # or the next epoch would move it over the good one
            os.replace(each, each.with_suffix(".damaged"))
        return path, checkpoint
    if damaged:
        raise InputError(
            f"{folder} cannot be resumed: {' and '.join(each.name for each in damaged)} damaged; "
            f"start a new run (the best weights so far are in {folder / 'best.ckpt'})"
        )
    print(f"{folder} has no finished epoch yet; starting from the beginning", file=sys.stderr)
    return None, None


def reason_it_ended(folder: Path, wanted: Config) -> str | None:
    """Why the run is over; None if it is not, or if it was asked to go on for longer."""
    try:
        record = read_record(folder / RECORD_FILE)
    except InputError:
        return None  # not written yet, or damaged: the checkpoint knows all that it held
    before, after = dict(leaves(record.config)), dict(leaves(wanted))
    if record.stop_reason == RUNNING or any(
        before.get(key) != after.get(key) for key in (LENGTH, PATIENCE)
    ):
        return None
    return record.stop_reason


def check_unchanged(saved: Config, wanted: Config) -> None:
    """Refuse to continue a run with settings that would have made another run of it.

    Raises:
        InputError: naming the first key that differs, with both values.
    """
    before, after = dict(leaves(saved)), dict(leaves(wanted))
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old == new or (key in FREE_KEYS and not shortens(key, old, new, after)):
            continue
        raise InputError(
            f"the run was begun with {key} = {old!r} and cannot be continued with {new!r}; "
            "leave the setting as it was, or start a new run"
        )


def shortens(key: str, old: Any, new: Any, settings: Config) -> bool:
    """Whether a new number of epochs cuts off what was done or reshapes a 1cycle schedule."""
    if key != LENGTH:
        return False
    constant = settings.get("model.init_args.schedule") == "constant"
    return not constant or (new is not None and (old is None or new < old))


def saved_settings(folder: Path) -> Config:
    """The configuration that a run wrote down when it began."""
    return read_settings(folder / CONFIG_FILE)


def leaves(settings: Config, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of nested settings."""
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
