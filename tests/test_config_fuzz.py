"""Configurations at random: each is accepted, or refused in a line that names the key."""

import tempfile
from pathlib import Path

import hypothesis.strategies as st
import yaml
from controls import assert_rejects
from hypothesis import given

from lightning_cifar.arguments import with_configs_composed
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
