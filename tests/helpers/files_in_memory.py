"""Files that lie nowhere, as a reader of a form is given those of a zip; what a call refuses."""

from pathlib import Path

import pytest

from lightning_cifar.data.containers import Entry
from lightning_cifar.data.reading import Files
from lightning_cifar.errors import InputError


def files_of(contents, source="x.zip", room=None):
    """Files by name and content; messages call the archive ``source``."""
    entries = [Entry(name) for name in contents]
    return Files(Path(source), entries, lambda name, most: contents[name][:most], room)


def refusal(call, *arguments, **options):
    """The whole message with which a call is refused."""
    with pytest.raises(InputError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def said_of(call, *arguments, **options):
    """The whole message with which a check refuses; empty where it lets pass."""
    try:
        assert call(*arguments, **options) is None
    except InputError as error:
        return str(error)
    return ""
