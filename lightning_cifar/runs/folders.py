"""Run folders: one for each fit, never written over."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import CONFIG_FILE

RUNS_FOLDER = Path("runs")
BEST_FILE = "best.ckpt"
LAST_FILE = "last.ckpt"
PREVIOUS_FILE = "previous.ckpt"
# What may be in a run folder before its first step: settings, a search, the folder of a logger.
BEFORE_TRAINING = {CONFIG_FILE, "learning_rate.json", "learning_rate.png", "lightning_logs"}


def new_run_folder(wanted: Path | None, runs: Path, variant: str) -> Path:
    """Create the folder of a new run: ``wanted``, or the next free ``<runs>/<variant>-<number>``.

    Raises:
        InputError: the folder already exists, or cannot be made or written to.
    """
    try:
        if wanted is not None:
            wanted.mkdir(parents=True)
            return wanted
        runs.mkdir(parents=True, exist_ok=True)
        number = 1 + max((number_of(each) for each in runs.glob(f"{variant}-*")), default=-1)
        while True:  # two runs may start at once: mkdir decides who gets the number
            folder = runs / f"{variant}-{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:
                number += 1
            else:
                return folder
    except FileExistsError as error:
        raise InputError(
            f"the run folder {wanted} already exists, and runs are never overwritten; "
            "choose another --run, or add --resume to continue it"
        ) from error
    except OSError as error:
        raise InputError(
            f"cannot create the run folder {wanted or runs}: {error.strerror}; "
            "choose another with --run FOLDER"
        ) from error


def discard_if_unused(folder: Path) -> None:
    """Remove the folder of a run that never began: it holds neither a record nor weights.

    The result of a search is kept in the cache as well. What we have not put there stays.
    """
    if {each.name for each in folder.iterdir()} <= BEFORE_TRAINING:
        shutil.rmtree(folder)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process from training in ``folder`` while the block runs.

    The lock is on the folder itself and ends with the process that holds it, however that ends.

    Raises:
        InputError: another process trains there.
    """
    import fcntl

    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise InputError(
            f"another process is training in {folder}; wait for it, or choose another --run"
        ) from error
    finally:
        os.close(descriptor)


def number_of(folder: Path) -> int:
    """The number at the end of a run folder's name; -1 if there is none."""
    digits = folder.name.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else -1


def existing_run(folder: Path) -> Path:
    """The folder itself; InputError if it is missing or holds no run."""
    if not folder.is_dir():
        raise InputError(f"there is no run folder {folder}; 'fit' prints the folder it writes")
    if not (folder / CONFIG_FILE).is_file():
        raise InputError(f"{folder} is not a run folder: it contains no {CONFIG_FILE}")
    return folder


def existing_runs(folders: Sequence[Path]) -> None:
    """Refuse folders without a run, and one that is given twice."""
    named: set[Path] = set()
    for folder in folders:
        place = existing_run(folder).resolve()
        if place in named:
            raise InputError(
                f"the run {folder} is given twice, which would count it double; "
                "give each run of an ensemble once"
            )
        named.add(place)


def best_checkpoint(folder: Path) -> Path:
    """The best weights of a run; InputError if it has none."""
    path = folder / BEST_FILE
    if not path.is_file():
        raise InputError(
            f"{folder} has no {BEST_FILE}: its training ended before the first validation; "
            "train again, or continue it with 'fit --run FOLDER --resume'"
        )
    return path
