"""The help that is made from docstrings and defaults."""

import pytest

from lightning_cifar.cli.help import default_of, first_sentence
from lightning_cifar.cli.options import Parameter, settings

SENTENCES = {
    "How many. More of it.": "How many",
    "How many.": "How many",
    "How many": "How many",
    "Uses :class:`Trainer` 'here'. Rest": "Uses Trainer 'here'",
    'In "quotes". Rest': 'In "quotes"',
    "Every N. Rest.": "Every N. Rest",
    "Batches to run Default: ``None``.": "Batches to run",
    "Batches to run. Default: ``None``.": "Batches to run",
}


@pytest.mark.parametrize("text", SENTENCES)
def test_the_first_sentence_is_taken(text):
    assert first_sentence(text) == SENTENCES[text]


@pytest.mark.parametrize(
    ("default", "typed"),
    [("None", "null"), ("True", "true"), ("False", "false"), ("'memory'", "memory"), ("32", "32")],
)
def test_a_default_is_shown_as_it_is_typed(default, typed):
    (first, *_) = settings()["data"]
    assert isinstance(first, Parameter)
    changed = type(first)(**{**vars(first), "default": default})
    assert default_of("data", changed) == typed
