"""What the commands offer, shown to people (``--help``) and to shells (``completion``)."""

import argparse
import re
import textwrap
from collections.abc import Iterable
from typing import NoReturn

from lightning_cifar.cli.options import LINKED, TRAINER_DEFAULTS, Parameter, settings, variants
from lightning_cifar.cli.trainer_options import REFUSED
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import nearest, shipped_configs, variant_in

TRAINING = ("fit", "validate", "test")
# Options without a section, the commands that take them, and what they are.
OPTIONS = {
    "--config NAME": (TRAINING, "a configuration by name, or a file; the last one given wins"),
    "--run FOLDER": (
        TRAINING,
        "run folder: fit makes it, others read it; test takes several, as an ensemble",
    ),
    "--resume": (("fit",), "continue the interrupted fit in --run"),
    "--mc_samples N": (
        ("validate", "test"),
        "also average N predictions with dropout switched on, and compare",
    ),
    "--ckpt_path FILE": (("validate", "test"), "weights; by default the best ones of --run"),
    "--seed_everything N": (TRAINING, "seed of weights, order of images and dropout [0]"),
    "--print_config": (TRAINING, "print all settings and exit"),
}
NOT_OFFERED = {*LINKED, *(("trainer", name) for name in REFUSED)}
NOT_TO_FIT = {"common", "study"}  # what every variant starts from, and the file of a study
TITLES = {
    "model": "the network; --model NAME chooses it: {variants}",
    "data": "images and batches",
    "learning_rate_search": "used when --model.learning_rate is not given",
    "early_stopping": "when training ends",
    "trainer": "Lightning's Trainer; fit --trainer.logger.help CLASS lists the options of a logger",
}
COMPLETION = """\
_lightning_cifar() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD-1]}}
  case $before in
    --config) COMPREPLY=($(compgen -W "{configs}" -- "$word"
        compgen -f -X '!*.yaml' -- "$word")) ;;
    --model) COMPREPLY=($(compgen -W "{variants}" -- "$word")) ;;
    --run) COMPREPLY=($(compgen -d -- "$word")) ;;
    *) if [ "$COMP_CWORD" = 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
      elif [ "${{word:0:1}}" = - ]; then
        COMPREPLY=($(compgen -W "$(lightning-cifar "${{COMP_WORDS[1]}}" --help 2>/dev/null |
            sed -nE 's/^  (-h, )?(--[a-z_.]+).*/\\2/p')" -- "$word"))
      else
        COMPREPLY=($(compgen -f -- "$word"))
      fi ;;
  esac
}}
complete -o filenames -F _lightning_cifar lightning-cifar
"""


class Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal, at most 100 characters, with room for long options."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)
        self._width = min(self._width, 98)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(text, width, break_on_hyphens=False)


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are this package's own: one line, without the usage."""

    def __init__(self, prog: str, description: str | None, usage: str | None = None) -> None:
        super().__init__(prog, usage, description, formatter_class=Formatter)

    def error(self, message: str) -> NoReturn:
        """Raise ``InputError``, with the nearest option to one that is not known."""
        unknown = re.match(r"unrecognized arguments: (--[^ =]+)", message)
        advice = nearest(unknown[1], self._option_string_actions) if unknown else ""
        listed = f"; '{self.prog} --help' lists the options"
        raise InputError(f"{message}{advice or listed}")


def help_text(command: str) -> str:
    """All options of ``fit``, ``validate`` or ``test``."""
    networks = [str(variant_in({"model": {"class_path": each}})) for each in variants()]
    others = [each for each in shipped_configs() if each not in {*networks, *NOT_TO_FIT}]
    parser = Parser(
        f"lightning-cifar {command}",
        f"configurations: {', '.join(networks)}; to be followed by any of {', '.join(others)}",
        f"lightning-cifar {command} [--config NAME ...] [--run FOLDER] "
        "[--SECTION.SETTING VALUE ...]",
    )
    for option, (commands, text) in OPTIONS.items():
        if command in commands:
            name, _, value = option.partition(" ")
            parser.add_argument(name, metavar=value, help=text)
    for section, found in settings().items():
        title = TITLES[section].format(variants=", ".join(variants()))
        group = parser.add_argument_group(section, title)
        for each in found:
            if (section, each.name) not in NOT_OFFERED:
                text = f"{first_sentence(each.text)} [{default_of(section, each)}]"
                group.add_argument(
                    f"--{section}.{each.name}", metavar="", help=text.replace("%", "%%")
                )
    return "\n".join(line.rstrip() for line in parser.format_help().splitlines())


def default_of(section: str, parameter: Parameter) -> str:
    """A default as it is typed on the command line."""
    default = str(parameter.default).strip("'")
    if section == "trainer" and parameter.name in TRAINER_DEFAULTS:
        default = str(TRAINER_DEFAULTS[parameter.name])
    return {"None": "null", "True": "true", "False": "false"}.get(default, default)


def first_sentence(text: str) -> str:
    """The first sentence of an explanation, without its quoting marks."""
    text = re.sub(r":\w+:(?=`)|`", "", text)
    return re.split(r"(?<=[a-z)\"'])\. |\.$| Default: ", text)[0]


def completion_script(commands: Iterable[str]) -> str:
    """What a shell reads with ``eval "$(lightning-cifar completion)"``."""
    return COMPLETION.format(
        configs=" ".join(shipped_configs()),
        variants=" ".join(variants()),
        commands=" ".join(commands),
    )
