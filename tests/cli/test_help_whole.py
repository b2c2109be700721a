"""The help of a command to the last character, from settings made up."""

import pytest

from lightning_cifar.cli import help as offered
from lightning_cifar.cli.help import Parser, help_text
from lightning_cifar.cli.options import Parameter
from lightning_cifar.errors import InputError

TURNED = (
    "Turn 50 % of the images, of which there are so many that the line is too long for a terminal."
)
SETTINGS = {
    "model": (Parameter("depth", "3", "How many layers. More."), Parameter("seed", "0", "Of all.")),
    "data": (Parameter("flip", "False", TURNED),),
    "trainer": (
        Parameter("max_epochs", "None", "How often."),
        Parameter("num_nodes", "1", "Refused."),
        Parameter("one_with_a_name_that_is_long", "None", "Long."),
    ),
}
TEXT = """\
usage: lightning-cifar {0} [--config NAME ...] [--run FOLDER] [--SECTION.SETTING VALUE ...]

configurations: elu, alpha_dropout; to be followed by any of muon, smoke

options:
  -h, --help                    show this help message and exit
  --config NAME                 a configuration by name, or a file; the last one given wins
  --run FOLDER                  run folder: fit makes it, others read it; test takes several, as
                                an ensemble
{1}
  --seed_everything N           seed of weights, order of images and dropout [0]
  --print_config                print all settings and exit

model:
  the network; --model NAME chooses it: EluClassifier, AlphaDropoutClassifier

  --model.depth                 How many layers [3]

data:
  images and batches

  --data.flip                   Turn 50 % of the images, of which there are so many that the line
                                is too long for a terminal [false]

trainer:
  Lightning's Trainer; fit --trainer.logger.help CLASS lists the options of a logger

  --trainer.max_epochs          How often [100]
  --trainer.one_with_a_name_that_is_long
                                Long [null]"""
OWN = {
    "fit": "  --resume                      continue the interrupted fit in --run",
    "test": (
        "  --mc_samples N                also average N predictions with dropout switched on, and "
        "compare\n"
        "  --ckpt_path FILE              weights; by default the best ones of --run"
    ),
}


@pytest.fixture
def made_up(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(offered, "settings", lambda: SETTINGS)
    monkeypatch.setattr(offered, "variants", lambda: ("EluClassifier", "AlphaDropoutClassifier"))
    configs = ("alpha_dropout", "common", "elu", "muon", "smoke", "study")
    monkeypatch.setattr(offered, "shipped_configs", lambda: dict.fromkeys(configs))


@pytest.mark.parametrize("command", OWN)
def test_help_is_made_of_settings_and_options(made_up, command):
    assert help_text(command) == TEXT.format(command, OWN[command])


def test_a_completion_names_what_there_is(made_up):
    script = offered.completion_script(["fit", "data"])
    assert '-W "alpha_dropout common elu muon smoke study" -- "$word"' in script
    assert '-W "EluClassifier AlphaDropoutClassifier" -- "$word"' in script
    assert '-W "fit data" -- "$word"' in script
    assert "{" + "word" in script
    assert "{{" not in script


@pytest.mark.parametrize(
    ("section", "name", "default", "typed"),
    [
        ("data", "max_epochs", "None", "null"),
        ("trainer", "max_epochs", "None", "100"),
        ("trainer", "logger", "True", "false"),
        ("trainer", "other", "True", "true"),
        ("trainer", "other", "'auto'", "auto"),
        ("trainer", "other", "False", "false"),
    ],
)
def test_a_default_is_that_of_our_trainer(section, name, default, typed):
    assert offered.default_of(section, Parameter(name, default, "")) == typed


LISTED = "'lightning-cifar some --help' lists the options"
ERRORS = {
    "--fomat=x": "unrecognized arguments: --fomat=x; did you mean '--format'?",
    "--zzz x": f"unrecognized arguments: --zzz x; {LISTED}",
    "-f": f"unrecognized arguments: -f; {LISTED}",
    "--number x": f"argument --number: invalid int value: 'x'; {LISTED}",
}


@pytest.mark.parametrize("line", ERRORS)
def test_an_error_of_a_parser_is_refused_whole(line):
    parser = Parser("lightning-cifar some", "what it does")
    parser.add_argument("--format")
    parser.add_argument("--number", type=int)
    with pytest.raises(InputError) as refusal:
        parser.parse_args(line.split())
    assert str(refusal.value) == ERRORS[line]


@pytest.mark.parametrize(("columns", "most"), [("60", 58), ("120", 98)])
def test_help_is_as_wide_as_the_terminal_and_at_most_100(monkeypatch, columns, most):
    monkeypatch.setenv("COLUMNS", columns)
    parser = Parser("some", "word " * 60, "some [usage]")
    parser.add_argument("--a_name_that_is_rather_long_here", metavar="N", help="word-word " * 30)
    lines = parser.format_help().splitlines()
    assert lines[0] == "usage: some [usage]"
    assert most - 10 < max(map(len, lines)) <= most
    assert min(line.index("word-word") for line in lines if "word-word" in line) == 32
    assert not any(line.endswith("word-") for line in lines)
