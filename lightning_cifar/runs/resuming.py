"""Whether a run can be continued, from which checkpoint, and with which changed settings."""

import math
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import DamagedCheckpoint, load_checkpoint
from lightning_cifar.runs.configuration import CONFIG_FILE, Config, read_settings
from lightning_cifar.runs.folders import BEST_FILE, LAST_FILE, PREVIOUS_FILE
from lightning_cifar.runs.records import FINISHED, RECORD_FILE, read_record

LENGTHS = ("trainer.max_epochs", "trainer.max_steps")
# Of these, the whole number 1 is a single batch and 1.0 is all of them.
LIMITS = {
    *("trainer.limit_train_batches", "trainer.limit_val_batches"),
    *("trainer.overfit_batches", "trainer.val_check_interval"),
}
PATIENCE = "early_stopping.patience"
PATHS = {"data.path", "data.cache", "learning_rate_search.cache"}
# These decide when training ends or where files are, not what an epoch computes.
FREE_KEYS = {*LENGTHS, PATIENCE, "trainer.max_time", "data.cache", "learning_rate_search.cache"}
# Settings that earlier versions did not have, at the value that does what they did.
ADDED_SINCE = (
    *(("data.image_size", 32), ("data.labels", "fine"), ("data.skip_unreadable", False)),
    *(("model.init_args.class_weights", "none"), ("model.init_args.optimiser", "nadam")),
)
OLDER_DEFAULTS = (*ADDED_SINCE, ("early_stopping.mode", "auto"))
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
        names = " and ".join(each.name for each in damaged)
        raise InputError(
            f"{folder} cannot be resumed because {names} {'is' if len(damaged) == 1 else 'are'} "
            f"damaged; start a new run (the best weights so far are in {folder / BEST_FILE})"
        )
    print(f"{folder} has no finished epoch yet; starting from the beginning", file=sys.stderr)
    (folder / BEST_FILE).unlink(missing_ok=True)  # of the part of an epoch that is done again
    return None, None


def reason_it_ended(folder: Path, wanted: Config) -> str | None:
    """Why the run is over; None if it was cut short, or was asked to go on for longer."""
    try:
        record = read_record(folder / RECORD_FILE)
    except InputError:
        return None  # not written yet, or damaged: the checkpoint knows all that it held
    before, after = dict(leaves(record.config)), dict(leaves(wanted))
    longer = any(before.get(key) != after.get(key) for key in (*LENGTHS, PATIENCE))
    return None if longer or record.stop_kind not in FINISHED else record.stop_reason


def check_unchanged(saved: Config, wanted: Config) -> None:
    """Refuse to continue a run with settings that would have made another run of it."""
    before, after = (dict(comparable(each)) for each in (saved, wanted))
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        same = old == new and not (key in LIMITS and old == 1 and type(old) is not type(new))
        if same or (key in FREE_KEYS and not shortens(key, old, new, after)):
            continue
        raise InputError(
            f"the run was started with {key} = {old!r} and cannot be continued with {new!r}; "
            "leave the setting as it was, or start a new run"
        )


def check_same_images(folder: Path, fingerprint: Callable[[], str]) -> None:
    """Refuse to continue a run with other images than it has had so far.

    fingerprint: gives that of the images at hand.
    """
    try:
        record = read_record(folder / RECORD_FILE)
    except InputError:
        return  # not written yet, or damaged
    if record.data_fingerprint != fingerprint():
        raise InputError(
            f"the images have changed since {folder} was started (added, removed, relabelled or "
            "edited ones), so it cannot be continued; put them back as they were, or start a new "
            "run"
        )


def comparable(settings: Config) -> Iterator[tuple[str, Any]]:
    """Keys and values by which two configurations of one run are compared.

    A path may be written in several ways; a limit on time may be set or lifted; and a setting that
    an earlier version did not have is at its default; one that only it had decided speed alone.
    """
    for key, value in leaves(settings):
        if key in PATHS and value is not None:
            yield key, str(Path(value).expanduser().absolute())
        elif key == "trainer.callbacks":
            yield key, [each for each in value or [] if not is_timer(each)] or None
        elif key != "model.init_args.compiled" and (key, value) not in OLDER_DEFAULTS:
            yield key, value


def is_timer(callback: Any) -> bool:
    """Whether the settings of a callback are those of Lightning's ``Timer``."""
    return str((callback or {}).get("class_path", "")).rpartition(".")[2] == "Timer"


def shortens(key: str, old: Any, new: Any, settings: Config) -> bool:
    """Whether a new length cuts off what was done or reshapes a 1cycle schedule."""
    if key not in LENGTHS:
        return False
    # null and -1 stand for no limit.
    before, after = (math.inf if each is None or each < 0 else each for each in (old, new))
    return settings.get("model.init_args.schedule") != "constant" or bool(after < before)


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
