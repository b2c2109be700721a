"""Whether the images that judge a run may have trained it: said, or refused where they must have.

A part that is set apart from the training images is another one as soon as the images change.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from lightning_cifar.data.completion import is_set_apart
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.data.notices import say
from lightning_cifar.data.split import SHARE
from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import RECORD_FILE, read_record

Judging = Literal["test", "validation"]


def check_judging_images(run: Path, data: CIFAR10DataModule, *parts: Judging) -> None:
    """Compare the images at hand with those of a run, as far as its record tells.

    parts: that are going to judge the run, or that a temperature is fitted on.

    Raises:
        InputError: the run's own folder has changed, and a part is drawn from what is there now.
    """
    try:
        record = read_record(run / RECORD_FILE)
    except InputError:
        return
    theirs = record.config.get("data") or {}
    drawn = [part for part in parts if is_drawn(data, part)]
    other_split = "validation" in drawn and split_of(theirs, data) != split_of(data.settings, data)
    # What is drawn, or checked against hashes, does not change.
    can_differ = data.source == "folder" or data.source != theirs.get("source")
    if can_differ and record.data_fingerprint != data.fingerprint:
        # Who asks for another split knows that it is another one.
        anew = [part for part in drawn if part == "test" or not other_split]
        if anew and is_own_place(data, theirs):
            raise InputError(
                f"the images at {data.path} have changed since {run} was trained with them, and "
                f"its {anew[0]} images are drawn from them anew, so that some would be images "
                "that trained it; put the images back as they were, train again, or name a set "
                "with a test folder of its own by --data.path"
            )
        say(
            f"the images are not those that {run} was trained with; should some of them have "
            "trained it, figures measured on them are too good"
        )
    elif other_split:
        say(
            f"the validation images are divided off in another way than {run} had them, so that "
            "some have trained it: figures measured on them are too good"
        )


def is_drawn(data: CIFAR10DataModule, part: Judging) -> bool:
    """Whether a part is taken from the training images, not from a place of its own."""
    if part == "test":
        return is_set_apart(data.image_set().about)
    return data.settings["validation"] != "folder"


def is_own_place(data: CIFAR10DataModule, theirs: Mapping[str, Any]) -> bool:
    """Whether the images lie where those of the run lay."""
    here, there = (
        each and Path(each).expanduser().resolve() for each in (data.path, theirs.get("path"))
    )
    return here is not None and here == there


def split_of(settings: Mapping[str, Any], data: CIFAR10DataModule) -> tuple[Any, ...]:
    """What decides which of the training images validate."""
    size = settings.get("validation_size") or max(1, len(data.image_set().train) // SHARE)
    return settings.get("validation") or "stratified", size, settings.get("split_seed", 0)
