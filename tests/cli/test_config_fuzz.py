"""Configurations at random: each is accepted, or refused in a line that names the key.

``benchmarks/config_fuzz.py`` does the same with whole fits and more documents.
"""

import sys
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import pytest
import yaml
from controls import assert_rejects
from hypothesis import Phase, given, settings

from benchmarks import config_fuzz
from lightning_cifar.__main__ import main
from lightning_cifar.cli.arguments import with_configs_composed
from lightning_cifar.errors import InputError

VALID = {
    "seed_everything": st.integers(0, 9),
    "trainer": st.fixed_dictionaries({}, optional={"max_epochs": st.integers(1, 3)}),
    "data": st.fixed_dictionaries(
        {}, optional={"batch_size": st.integers(1, 999), "flip": st.booleans()}
    ),
    "early_stopping": st.fixed_dictionaries({}, optional={"patience": st.integers(1, 9)}),
}
WORDS = st.text("abcdefghij_", min_size=1, max_size=9).map("x".__add__)  # no key of ours has an x
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
SECTIONS = st.sampled_from(["data", "early_stopping", "learning_rate_search", "model"])


@st.composite
def documents(draw):
    """A configuration, and the key that is wrong with it (None: nothing is)."""
    document = draw(st.fixed_dictionaries({}, optional=VALID))
    fault = draw(st.sampled_from(["none", "unknown section", "unknown key", "no mapping"]))
    if fault == "none":
        return document, None
    word, section = draw(WORDS), draw(SECTIONS)
    if fault == "unknown section":
        return {**document, word: draw(LEAVES)}, word
    if fault == "unknown key":
        inner = document.get(section, {})
        return {**document, section: {**inner, word: draw(LEAVES)}}, f"{section}.{word}"
    return {**document, section: draw(st.integers() | st.just([1]))}, section


def faults_are_named(compose):
    @given(documents())
    def check(drawn):
        document, wrong = drawn
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "drawn.yaml"
            path.write_text(yaml.safe_dump(document))
            try:
                compose(["fit", "--model=EluClassifier", "--config", str(path)])
                message = None
            except InputError as error:
                message = str(error)
        assert (message is None) == (wrong is None), message
        assert wrong is None or (wrong in message and len(message.splitlines()) <= 2)

    return check


def test_faults_are_named():
    faults_are_named(with_configs_composed)()


def test_control_faults_without_a_key():
    def vague(arguments):
        try:
            with_configs_composed(arguments)
        except InputError as error:
            raise InputError("something is wrong with the configuration") from error

    assert_rejects(faults_are_named(vague))


def test_control_faults_that_pass():
    assert_rejects(faults_are_named(lambda arguments: arguments))


@given(st.binary(max_size=60) | st.text(max_size=60).map(str.encode))
def test_file_of_anything_is_settings_or_refused_by_name(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "drawn.yaml"
        path.write_bytes(content)
        try:
            with_configs_composed(["fit", "--model=EluClassifier", "--config", str(path)])
        except InputError as error:
            lines = str(error).splitlines()
        else:
            lines = ["accepted"]
    assert 1 <= len(lines) <= 2


def fits_run_or_name_the_key(command, count):
    @settings(max_examples=count, phases=[Phase.generate])
    @given(config_fuzz.documents())
    def check(document):
        outcome = config_fuzz.outcome_of(document, command)
        assert not outcome.problem, f"{outcome.problem}\n{outcome.document}{outcome.report}"

    def in_a_workplace():
        with config_fuzz.workplace():
            check()

    return in_a_workplace


def test_fits_run_or_name_the_key():
    fits_run_or_name_the_key(main, 30)()


def crashing(arguments):
    raise KeyError("batch_size")


def vague_about_it(arguments):
    sys.stderr.write("lightning-cifar: something is wrong\n")
    return 2


def agreeing(arguments):
    return 0


@pytest.mark.parametrize("command", [crashing, vague_about_it, agreeing])
def test_control_fits_that_end_otherwise(command):
    assert_rejects(fits_run_or_name_the_key(command, 30))
