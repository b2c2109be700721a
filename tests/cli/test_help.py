"""The help that is made from docstrings and defaults."""

import pytest

from lightning_cifar.__main__ import COMMANDS, main
from lightning_cifar.cli.help import completion_script, default_of, first_sentence, help_text
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


def test_the_help_of_a_fit_names_every_configuration():
    said = " ".join(help_text("fit").split())
    assert "configurations: elu, batch_norm, selu, alpha_dropout; to be followed by any of " in said
    assert "smoke, " in said.partition("to be followed by any of ")[2]
    assert "usage: lightning-cifar fit [--config NAME ...] [--run FOLDER] " in said


def test_the_completion_is_printed_as_it_is(capsys):
    assert main(["completion"]) == 0
    assert capsys.readouterr().out == completion_script(COMMANDS)
