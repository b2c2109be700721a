"""What a study is asked to do: set-ups, variants, seeds, and the comparisons planned beforehand.

Everything here is read and checked before anything is loaded or trained.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import Config, nearest, read_settings, unknown_key
from lightning_cifar.study.measures import PLANNABLE, REACHING
from lightning_cifar.study.plan_file import Planned, cell_of
from lightning_cifar.study.statistics import seeds_needed
from lightning_cifar.study.study_files import Cell

PLAN_KEYS = ("variants", "seeds", "set_ups", "comparisons")
SET_UP_KEYS = ("overlays", "variants", "seeds")
TEXTS = ("question", "first", "second", "measure")
COMPARISON_KEYS = (*TEXTS, "set_up", "margin", "loss", "tested")


@dataclass(frozen=True)
class SetUp:
    """Overlays laid over the files of some variants, for the seeds 0 to ``seeds`` - 1."""

    overlays: tuple[str, ...]
    variants: tuple[str, ...]
    seeds: int


@dataclass(frozen=True)
class Plan:
    """A whole study; ``seeds`` is the number for set-ups that give none."""

    seeds: int
    set_ups: Mapping[str, SetUp]
    comparisons: tuple[Planned, ...]


def read_plan(path: Path, seeds: int | None = None) -> Plan:
    """Read a study file, with ``seeds`` if given; InputError naming the first thing of no use."""
    settings = read_settings(path)
    check_names(settings, PLAN_KEYS, "")
    variants = chosen(settings.get("variants", list(VARIANTS)), VARIANTS, "variant", "variants")
    count = whole(settings.get("seeds", 1) if seeds is None else seeds, "seeds")
    named = mapping(settings.get("set_ups"), "set_ups")
    set_ups = {name: set_up(name, each, variants, count) for name, each in named.items()}
    if not set_ups:
        raise InputError(f"{path} has no set_ups; give one, such as 'exercise: {{overlays: []}}'")
    listed = settings.get("comparisons") or []
    if not isinstance(listed, list):
        raise InputError(f"comparisons is {listed!r}, not a list")
    comparisons = tuple(
        comparison(each, f"comparisons[{number}]", set_ups) for number, each in enumerate(listed)
    )
    check_different(comparisons)
    plan = Plan(count, set_ups, comparisons)
    check_enough_seeds(plan)
    return plan


def set_up(name: str, value: Any, variants: tuple[str, ...], seeds: int) -> SetUp:
    """A set-up from its lines in the file; never more seeds than the study has."""
    where = f"set_ups.{name}"
    if "/" in name:
        raise InputError(f"the name of the set-up {name!r} must not contain /")
    settings = mapping(value or {}, where)
    check_names(settings, SET_UP_KEYS, where)
    overlays = settings.get("overlays") or []
    if not isinstance(overlays, list) or not all(isinstance(each, str) for each in overlays):
        raise InputError(f"{where}.overlays is {overlays!r}, not a list of names")
    own = settings.get("variants", list(variants))
    return SetUp(
        tuple(overlays),
        chosen(own, VARIANTS, "variant", f"{where}.variants"),
        min(seeds, whole(settings.get("seeds", seeds), f"{where}.seeds")),
    )


def comparison(value: Any, where: str, set_ups: Mapping[str, SetUp]) -> Planned:
    """A comparison from its line in the file."""
    settings = mapping(value, where)
    check_names(settings, COMPARISON_KEYS, where)
    for key in TEXTS:
        if not isinstance(settings.get(key), str):
            raise InputError(f"{where}.{key} must be text, got {settings.get(key)!r}")
    measure = chosen([settings["measure"]], PLANNABLE, "measure", f"{where}.measure")[0]
    if (measure == REACHING) != ("loss" in settings):
        raise InputError(f"{where}: 'loss' belongs to the measure epochs_to_loss, which needs it")
    first, second = (condition_named(settings, key, where, set_ups) for key in ("first", "second"))
    tested = settings.get("tested", True)
    if not isinstance(tested, bool):
        raise InputError(f"{where}.tested must be true or false, got {tested!r}")
    margin, loss = (positive(settings.get(key), f"{where}.{key}") for key in ("margin", "loss"))
    return Planned(settings["question"], first, second, measure, margin, loss, tested)


def condition_named(settings: Config, key: str, where: str, set_ups: Mapping[str, SetUp]) -> Cell:
    """The condition on one side of a comparison, which must be in the study."""
    cell = cell_of(settings[key], str(settings.get("set_up", "")))
    condition = "/".join(cell)
    known = [f"{each}/{variant}" for each, it in set_ups.items() for variant in it.variants]
    if condition not in known:
        hint = nearest(condition, known) or f"; there are {', '.join(known)}"
        raise InputError(
            f"{where}.{key} names {condition!r}, which this study does not train{hint}"
        )
    return cell


def check_different(comparisons: Iterable[Planned]) -> None:
    """Refuse a condition beside itself, and two comparisons that a report could not tell apart."""
    seen: dict[tuple[Cell, Cell, str], int] = {}
    for number, each in enumerate(comparisons):
        if each.first == each.second:
            raise InputError(
                f"comparisons[{number}] compares {'/'.join(each.first)} with itself; name two "
                "conditions"
            )
        earlier = seen.setdefault((each.first, each.second, each.measure), number)
        if earlier != number:
            raise InputError(
                f"comparisons[{number}] compares {'/'.join(each.first)} with "
                f"{'/'.join(each.second)} by {each.measure}, as comparisons[{earlier}] does; "
                "leave one of them out"
            )


def check_enough_seeds(plan: Plan) -> None:
    """Refuse a family of comparisons in which no difference could ever be found."""
    tested = [each for each in plan.comparisons if each.tested]
    needed = seeds_needed(max(len(tested), 1))
    for each in tested:
        seeds = min(plan.set_ups[cell.set_up].seeds for cell in (each.first, each.second))
        if seeds < needed:
            raise InputError(
                f"the comparison {each.question!r} has {seeds} seeds; with {len(tested)} "
                f"planned comparisons it needs {needed}: add seeds, plan fewer, or say "
                "'tested: false'"
            )


def selected(plan: Plan, names: Iterable[str]) -> Plan:
    """The plan with these set-ups alone, all if none is named; InputError for unknown ones."""
    wanted = chosen(list(names) or list(plan.set_ups), plan.set_ups, "set-up", "--set_ups")
    set_ups = {name: each for name, each in plan.set_ups.items() if name in wanted}
    return replace(plan, set_ups=set_ups)


def chosen(values: Any, known: Iterable[str], kind: str, where: str) -> tuple[str, ...]:
    """A list of different names, each of them known."""
    known = list(known)
    if not isinstance(values, list) or not values:
        raise InputError(f"{where} is {values!r}, not a list of one or more of {', '.join(known)}")
    for value in values:
        if value not in known:
            hint = nearest(str(value), known) or f"; choose from {', '.join(known)}"
            raise InputError(f"unknown {kind} {value!r} in {where}{hint}")
    return tuple(dict.fromkeys(values))


def check_names(settings: Config, known: tuple[str, ...], where: str) -> None:
    """Refuse a key that nothing reads."""
    for key in settings:
        if key not in known:
            raise unknown_key(f"{where}.{key}".lstrip("."), key, list(known))


def mapping(value: Any, where: str) -> Config:
    """A mapping of names to settings."""
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise InputError(f"{where} is {value!r}, not settings of the form 'key: value'")
    return value


def whole(value: Any, where: str) -> int:
    """A whole number of at least 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InputError(f"{where} must be a whole number of at least 1, got {value!r}")
    return value


def positive(value: Any, where: str) -> float | None:
    """A positive number, or None where there is none."""
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < 1e9:
        raise InputError(f"{where} must be a positive number, got {value!r}")
    return float(value)
