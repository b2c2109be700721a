"""What ``fit --help`` prints: every setting with its default, without importing what reads it."""

import re
import shutil
import textwrap

from lightning_cifar.cli.arguments import TRAINER_DEFAULTS, settings, variants
from lightning_cifar.runs.configuration import shipped_configs

# Options without a section, and the commands that take them.
OPTIONS = {
    "--config NAME": (
        ("fit", "validate", "test"),
        "a configuration by name, or a file; the last given wins",
    ),
    "--run FOLDER": (
        ("fit", "validate", "test"),
        "run folder: fit makes it, the other commands read it",
    ),
    "--resume": (("fit",), "continue the fit in --run"),
    "--mc_samples N": (("validate", "test"), "compare with so many Monte Carlo samples"),
    "--ckpt_path FILE": (("validate", "test"), "weights; by default the best of --run"),
    "--seed_everything N": (("fit", "validate", "test"), "of weights, order and dropout [0]"),
    "--print_config": (("fit", "validate", "test"), "print all settings and stop"),
}
# Set by the run folder or by --seed_everything.
NOT_OFFERED = {("model", "seed"), ("data", "seed"), ("trainer", "default_root_dir")}
TITLES = {
    "model": f"the network; --model NAME chooses it: {', '.join(variants())}",
    "data": "images and batches",
    "learning_rate_search": "only when there is no --model.learning_rate",
    "early_stopping": "when training ends",
    "trainer": "Lightning's Trainer; --trainer.logger.help CLASS lists those of a class",
}


def help_text(command: str) -> str:
    """All options of ``fit``, ``validate`` or ``test``."""
    lines = [
        f"usage: lightning-cifar {command} [--config NAME ...] [--run FOLDER] "
        "[--SECTION.SETTING VALUE ...]",
        "",
        *wrapped("configurations: " + ", ".join(shipped_configs()), ""),
        "",
    ]
    for option, (commands, text) in OPTIONS.items():
        if command in commands:
            lines += entry(option, text)
    for section, found in settings().items():
        lines += ["", *wrapped(f"{section}: {TITLES[section]}", "")]
        for each in found:
            if (section, each.name) in NOT_OFFERED:
                continue
            default = each.default
            if section == "trainer" and each.name in TRAINER_DEFAULTS:
                default = repr(TRAINER_DEFAULTS[each.name])
            lines += entry(f"--{section}.{each.name}", f"{short(each.text)} [{plain(default)}]")
    return "\n".join(lines)


def plain(default: str | None) -> str:
    """A default as it is typed on the command line."""
    words = {"None": "null", "True": "true", "False": "false"}
    return words.get(str(default), str(default).strip("'"))


def short(text: str) -> str:
    """The first sentence of an explanation, without its quoting marks."""
    text = re.sub(r":\w+:(?=`)|`", "", text)
    return re.split(r"(?<=[a-z)\"'])\. |\.$| Default: ", text)[0]


def entry(option: str, text: str) -> list[str]:
    """An option and, beside it or below, what it is."""
    column = 30
    lines = wrapped(text, " " * column)
    if len(option) + 4 <= column:
        return [f"  {option}".ljust(column) + lines[0].lstrip(), *lines[1:]]
    return [f"  {option}", *lines]


def wrapped(text: str, indent: str) -> list[str]:
    """Text in lines as wide as the terminal, at most 100 characters."""
    width = min(shutil.get_terminal_size((100, 24)).columns, 100)
    return textwrap.wrap(
        text,
        max(width, 60),
        initial_indent=indent,
        subsequent_indent=indent or "  ",
        break_on_hyphens=False,
    )
