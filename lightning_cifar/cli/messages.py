"""What Lightning, its parser and its trainer say about a value, as one clear line."""

import inspect
import pydoc
import re

from lightning_cifar.cli.arguments import HELP, NO_VARIANT
from lightning_cifar.cli.options import variants
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import Config, nearest

# The parser's names of types, in words.
TYPES = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a finite number",
    "<class 'bool'>": "true or false",
    "<class 'str'>": "text",
    "<class 'list'>": "a list",
    "<class 'dict'>": "settings of the form 'key: value'",
}
# Settings that take classes, each with one to show.
EXAMPLES = {
    "callbacks": "callback, such as EarlyStopping",
    "logger": "logger, such as CSVLogger",
    "plugins": "plugin, such as MixedPrecision",
}


def plain_message(error: Exception | str) -> str:
    """The parser's message about a value, as one line: key, what came, what is allowed."""
    text = str(getattr(error, "message", error))
    if re.search(r"arguments are required: \w+\.model\b", text):
        return NO_VARIANT
    keys = re.findall(r'(?:Parser key|[Aa]rgument) "?([\w.]+)', text) or [""]
    of_class = re.search(
        r"Problem with given class_path '(\S+)':\n((?: {6}(?! *- Problem).*\n?)+)", text
    )
    argument = re.search(r"NestedArg\(key='([\w.]+)'", text)
    if argument and (of_class is None or of_class[1] == "lightning.Callback"):
        option = f"--{keys[0]}"
        return f"{option}.{argument[1]} belongs to a class; name it before with {option}=CLASS"
    if of_class:
        return message_of_class(keys[0], of_class[1], of_class[2])
    came = re.search(r"(?:Got|Given) value: (.*)", text)
    file = re.search(r"Unable to load config '(.*)'", text)
    if file and not came:
        return f"--{keys[0]} takes settings or a file of them, not {file[1]!r}; {HELP}"
    raised = re.search(r"(?m)^  - (?!Expected|Not a|Does not|Parser key)(.+)$", text)
    if raised:  # by a class that was given values it refuses
        path = re.search(r"class_path='[\w.]*?(\w+)'", came[1] if came else "")
        return f"{path[1]}: {raised[1]}" if path else raised[1]
    key = next((each for each in reversed(keys) if each != "model"), "model")
    return f"{key} cannot be {came[1] or 'empty'}{expected(key, text)}" if came else one_line(text)


def expected(key: str, text: str) -> str:
    """What the parser would have taken, in words, as the end of a message."""
    kinds = re.findall(r"Expected an? (.+?)(?=\. Got value|$)", text, flags=re.MULTILINE)
    found = dict.fromkeys(word for word in map(words, kinds) if word)
    example = EXAMPLES.get(key.rpartition(".")[2])
    if example:
        return f"; expected a {example}"
    return f"; expected {' or '.join(found)}" if found else f"; {HELP}"


def words(kind: str) -> str:
    """A type of the parser's in words; empty if a user knows it by no name."""
    literal = re.fullmatch(r"typing\.Literal\[(.*)\]", kind)
    return f"one of {literal[1]}" if literal else TYPES.get(kind, "")


def message_of_class(key: str, path: str, reason: str) -> str:
    """Why a class cannot be made: an argument that it lacks, does not know, or refuses."""
    name, where = path.rpartition(".")[2], f"--{key or 'model'}"
    unknown = re.search(r"Option '([\w.]+)' is not accepted", reason)
    if unknown:
        return f"{name} has no setting {unknown[1]!r}{instead(unknown[1], path)}"
    needed = re.search(r"arguments are required: (.+)", reason)
    if needed:
        return f"{name} needs a value for {needed[1]}; add {where}.{needed[1].split(',')[0]}=VALUE"
    refused = re.search(r'Parser key "([\w.]+)"', reason)
    value = re.search(r"Got value: (.*)|Given value: (.*)", reason)
    if refused and value:
        came = value[1] or value[2] or "empty"
        return f"{name}: {refused[1]} cannot be {came}{expected(refused[1], reason)}"
    if "No module named" in reason or "has no attribute" in reason:
        return f"cannot import {path!r}: {one_line(reason)}"
    return f"{name} cannot be used: {one_line(reason)}"


def instead(setting: str, path: str) -> str:
    """What to do about a setting that a class does not have, as the end of a message."""
    module = path.rpartition(".")[0]
    owners = [each for each in variants() if setting in argument_names(f"{module}.{each}")]
    if owners:
        return f"; {' and '.join(owners)} has it"
    names = [each for each in argument_names(path) if each != "seed"]
    others = f"; it has {', '.join(names)}" if names else "; leave it out"
    return nearest(setting, names) or others


def argument_names(path: str) -> list[str]:
    """The names of a class's arguments; none if there is no such class."""
    found = pydoc.locate(path)
    return list(inspect.signature(found).parameters) if isinstance(found, type) else []


def one_line(error: Exception | str) -> str:
    """A message without its line breaks."""
    return " ".join(str(error).split())


def refused_by_trainer(options: Config, error: Exception) -> InputError:
    """The error of a trainer's constructor, with the key whose name or text it quotes."""
    text = one_line(error)
    quotes = {key: "" if "_" in key else "`" for key, _ in options.items()}
    named = [key for key, quote in quotes.items() if re.search(rf"{quote}\b{key}\b", text)]
    texts = {key: each for key, each in options.items() if isinstance(each, str) and each != "auto"}
    named += [key for key, each in texts.items() if re.search(rf"\b{re.escape(each)}\b", text)]
    subject = f"trainer.{named[0]}" if named else "a setting of the trainer"
    return InputError(f"{subject} cannot be used: {text}")
