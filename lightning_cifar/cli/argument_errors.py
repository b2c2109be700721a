"""One clear line for settings that cannot be used, instead of all that a parser tried."""

import inspect
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import pairwise

from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import Config, nearest, unknown_key

# The parser's names of types, in words.
TYPES = {
    "<class 'int'>": "a whole number",
    "<class 'float'>": "a finite number",
    "<class 'bool'>": "true or false",
    "<class 'str'>": "text",
    "<class 'NoneType'>": "null",
    "<class 'list'>": "a list",
}
NO_VARIANT = (
    "no variant chosen: add --config selu (or elu, batch_norm, alpha_dropout), or --run FOLDER of "
    "an earlier fit"
)
# Keys whose values are free: classes of Lightning's, with settings of their own.
OPEN_KEYS = {"trainer"}


def check_keys(config: Config, accepted: Mapping[str, set[str]], plain: set[str]) -> None:
    """Refuse settings that nothing reads.

    config: settings by section. accepted: the keys of each section. plain: keys without a section.

    Raises:
        InputError: naming the first unknown key and the known one most like it.
    """
    for section, settings in config.items():
        if section not in accepted and section not in plain:
            known = sorted({*accepted, *plain})
            raise unknown_key(section, section, known)
        if section in plain or settings is None:
            continue
        if not isinstance(settings, dict):
            raise InputError(f"{section} holds {settings!r}, not settings like 'key: value'")
        if section == "model":
            settings = model_settings(settings)
        for key in settings:
            if key not in accepted[section]:
                raise unknown_key(f"{section}.{key}", key, sorted(accepted[section]))


def check_nulls(section: str, settings: Config, kind: type) -> None:
    """Refuse a null where the class's parameter allows none; the parser takes it for "not given".

    Raises:
        InputError: naming the key.
    """
    for name, parameter in inspect.signature(kind).parameters.items():
        if settings.get(name, "") is None and "None" not in str(parameter.annotation):
            raise InputError(f"{section}.{name} cannot be null; leave it out for the default")


def check_least(section: str, settings: Config, least: Mapping[str, int]) -> None:
    """Refuse numbers below the least that their key allows; null is left to the class.

    Raises:
        InputError: naming the key, with both numbers.
    """
    for name, bound in least.items():
        value = settings.get(name)
        if value is not None and value < bound:
            raise InputError(f"{section}.{name} is {value}; it must be {bound} or more")


def model_settings(model: Config) -> Config:
    """The arguments of the model's class, without the keys that choose it."""
    extra = set(model) - {"class_path", "init_args"}
    if extra:
        raise unknown_key(f"model.{min(extra)}", min(extra), ["class_path", "init_args"])
    settings = model.get("init_args") or {}
    if not isinstance(settings, dict):
        raise InputError(
            f"model.init_args holds {settings!r}, not settings of the form 'key: value'"
        )
    return settings


def check_flags(flags: Iterable[str], accepted: Mapping[str, set[str]], plain: set[str]) -> None:
    """Refuse options such as ``--data.sourc`` whose section or setting is not known.

    Raises:
        InputError: naming the option and the known one most like it.
    """
    known = [f"--{section}.{key}" for section, keys in accepted.items() for key in sorted(keys)]
    known += [f"--{key}" for key in sorted({*plain, *accepted})]
    for flag in flags:
        name = flag.partition("=")[0]
        if not name.startswith("--"):
            continue
        plain_name = name.replace(".init_args.", ".").rstrip("+")
        section, _, rest = plain_name.removeprefix("--").partition(".")
        if plain_name in known or (
            section in OPEN_KEYS and rest.split(".")[0] in accepted[section]
        ):
            continue
        if plain_name.startswith(("--print_", "--help", "--model.class_path", "--model.help")):
            continue
        hint = nearest(plain_name, known) or "; 'lightning-cifar COMMAND --help' lists them"
        raise InputError(f"unknown option {name!r}{hint}")


def plain_message(text: str) -> str:
    """The parser's message about a value, as one line: key, what came, what is allowed.

    A message of another form is given as it came, on one line.
    """
    missing = re.search(r"arguments are required: \w+\.model\b", text)
    if missing:
        return NO_VARIANT
    refused = re.search(r"Option '([\w.]+)' is not accepted", text)
    if refused:
        return f"the chosen variant has no setting {refused[1]!r}; leave it out"
    raised = re.search(r"^  - (?!Expected|Problem)(.+)$", text, flags=re.MULTILINE)
    if raised:  # by a class that was given values it refuses
        return raised[1]
    keys = re.findall(r'(?:Parser key|[Aa]rgument) "?([\w.]+)', text)
    keys = [key for key in keys if key != "model"] or keys
    allowed = re.findall(r"Expected an? (.+?)(?=\. Got value|$)", text, flags=re.MULTILINE)
    given = re.findall(r"Got value: (.*)|Given value: (.*)", text)
    if not keys or not given:
        return " ".join(text.split())
    reasons = [words(each) for each in allowed]
    reasons = list(dict.fromkeys(reason for reason in reasons if reason != "null"))
    value = next((part for part in given[0] if part), "empty")
    expected = f"; expected {' or '.join(reasons)}" if reasons else ""
    return f"{keys[-1]} cannot be {value}{expected}"


def one_line(error: Exception) -> str:
    """An error's message without its line breaks."""
    return " ".join(str(error).split())


def refused_by_trainer(options: Config, error: Exception) -> InputError:
    """The error of a trainer's constructor, with the key whose text it quotes."""
    text = one_line(error)
    quoted = [
        key
        for key, value in options.items()
        if isinstance(value, str) and value != "auto" and repr(value) in text
    ]
    subject = f"trainer.{quoted[0]}" if quoted else "a setting of the trainer"
    return InputError(f"{subject} cannot be used: {text}")


def words(kind: str) -> str:
    """A type of the parser's in words."""
    literal = re.fullmatch(r"typing\.Literal\[(.*)\]", kind)
    return f"one of {literal[1]}" if literal else TYPES.get(kind, kind)


def check_variant(config: Config, names: Collection[str]) -> None:
    """Refuse a class that this package does not have.

    names: of the classes that it has.

    Raises:
        InputError: naming the nearest, or all of them.
    """
    model = config.get("model")
    path = str(model.get("class_path", "")) if isinstance(model, dict) else ""
    module, _, name = path.rpartition(".")
    if module in ("", "lightning_cifar.classifiers") and name and name not in names:
        hint = nearest(name, names) or f"; choose one of {', '.join(names)}"
        raise InputError(f"model.class_path: unknown variant {path!r}{hint}")


def chosen_classes(flags: list[str]) -> Iterator[str]:
    """What the options ``--model`` and ``--model.class_path`` are given."""
    for flag, following in pairwise([*flags, ""]):
        name, equals, value = flag.partition("=")
        if name in ("--model", "--model.class_path"):
            yield value if equals else following
