"""Arguments at their bounds and beyond, and the whole of what is said of them."""

from pathlib import Path

import pytest
from files_in_memory import refusal, said_of

from lightning_cifar.data import sources
from lightning_cifar.data.arguments import (
    check_choice,
    check_least,
    check_reading,
    check_shift,
    check_source,
)
from lightning_cifar.data.cifar_layouts import CIFAR100S
from lightning_cifar.data.datamodule import CIFAR10DataModule, Loader
from lightning_cifar.data.reading import Reading
from lightning_cifar.data.sources import (
    at_home,
    cache_folder,
    check_not_blank,
    load_images,
    resolved_source,
)
from lightning_cifar.data.split import check_validation

OWN = "goes with images of your own (--data.path), and source is"
BOTH = (
    "; a path to a folder, zip or tar of images goes with --data.source=folder, and only with it."
)
SKIPPING = Reading(skip_unreadable=True)
COARSE = Reading(labels="coarse")
SAID = [
    (check_choice, ("loader", "memory", Loader), ""),
    (check_choice, ("loader", "fast", Loader), "loader is 'fast'; choose one of memory, stock."),
    (check_least, ("size", 3, 3), ""),
    (check_least, ("size", 2, 3), "size is 2; it must be 3 or more."),
    (check_shift, (0, 8), ""),
    (check_shift, (7, 8), ""),
    (check_shift, (-1, 8), "shift is -1; it must be between 0 and 7 pixels."),
    (check_shift, (8, 8), "shift is 8; it must be between 0 and 7 pixels."),
    (check_reading, ("folder", Reading(8, "coarse", skip_unreadable=True)), ""),
    (check_reading, ("folder", Reading(7)), "image_size is 7; it must be 8 or more."),
    (check_reading, ("synthetic", Reading(7)), "image_size is 7; it must be 8 or more."),
    (check_reading, ("official", Reading()), ""),
    (check_reading, ("official", Reading(31)), f"image_size {OWN} official; leave it out."),
    (check_reading, ("official", Reading(33)), f"image_size {OWN} official; leave it out."),
    (check_reading, ("cifar100", SKIPPING), f"skip_unreadable {OWN} cifar100; leave it out."),
    (check_reading, ("cifar100", COARSE), ""),
    (
        check_reading,
        ("synthetic", COARSE),
        "labels is coarse, which CIFAR-100 alone has, and source is synthetic; use "
        "--data.source=cifar100.",
    ),
    (check_source, ("folder", "x", "folder"), ""),
    (check_source, ("official", None, "first"), ""),
    (check_source, ("folder", None, None), f"source is folder and path is None{BOTH}"),
    (check_source, ("official", "x", None), f"source is official and path is 'x'{BOTH}"),
    (
        check_source,
        ("folder", " ", None),
        "path is ' ', which names no folder; give its name, or . for the current one.",
    ),
    (
        check_source,
        ("official", None, "folder"),
        "validation is folder and source is official; validation images of their own go with "
        "--data.source=folder.",
    ),
    (check_not_blank, ("cache", "."), ""),
    (
        check_not_blank,
        ("cache", "\t"),
        r"cache is '\t', which names no folder; give its name, or . for the current one.",
    ),
    (check_validation, ("folder", None, 0), ""),
    (check_validation, ("stratified", 5, 7), ""),
    (check_validation, (None, 5, 7), ""),
    (check_validation, ("first", 5, 0), ""),
    (
        check_validation,
        ("folder", 5, 0),
        "validation_size is 5, but the validation images are those of a folder, all of them; leave "
        "it out, or take them from training with --data.validation=stratified.",
    ),
    *(
        (
            check_validation,
            (kind, None, 7),
            f"split_seed is 7, but with validation={kind} nothing is drawn; leave it out, or use "
            "--data.validation=stratified.",
        )
        for kind in ("first", "folder")
    ),
]


@pytest.mark.parametrize(("check", "arguments", "message"), SAID)
def test_an_argument_beyond_its_bounds_is_named_with_them(check, arguments, message):
    assert said_of(check, *arguments) == message


WRONG = {
    "source": ("web", "choose one of official, cifar100, folder, synthetic."),
    "validation": ("last", "choose one of stratified, first, folder."),
    "standardise": ("yes", "choose one of per_pixel, per_channel, none."),
    "loader": ("fast", "choose one of memory, stock."),
    "labels": ("rough", "choose one of fine, coarse."),
    "batch_size": (0, "it must be 1 or more."),
    "split_seed": (-1, "it must be 0 or more."),
    "seed": (-1, "it must be 0 or more."),
    "validation_size": (0, "it must be 1 or more."),
    "shift": (32, "it must be between 0 and 31 pixels."),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_data_module_names_its_argument(name):
    value, allowed = WRONG[name]
    assert refusal(CIFAR10DataModule, **{name: value}) == f"{name} is {value!r}; {allowed}"


LEAST = {"batch_size": 1, "split_seed": 0, "seed": 0, "validation_size": 1, "shift": 0}


@pytest.mark.parametrize("name", LEAST)
def test_the_least_value_is_allowed(name):
    CIFAR10DataModule(**{name: LEAST[name]})


# Sources.


def test_a_source_reads_with_what_it_is_given(monkeypatch):
    def asked(name):
        return lambda *arguments, **options: (name, arguments, options)

    for name in ("official", "synthetic", "folder"):
        monkeypatch.setattr(sources, f"load_{name}", asked(name))
    cache, coarse = Path("cache"), CIFAR100S["coarse"]
    assert load_images("official", None, cache) == ("official", (cache,), {})
    assert load_images("cifar100", None, cache, COARSE) == (
        "official",
        (cache,),
        {"layout": coarse},
    )
    assert load_images("synthetic", None, cache) == ("synthetic", (cache,), {})
    given = (Path("images"), cache, SKIPPING)
    assert load_images("folder", "images", cache, SKIPPING) == ("folder", given, {})
    assert load_images("folder", "images", cache) == (
        "folder",
        (Path("images"), cache, Reading()),
        {},
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device", "x"), "No space left on device"),
        (OSError("it is full"), "it is full"),
    ],
)
def test_a_cache_that_takes_nothing_is_named(monkeypatch, error, reason):
    def fail(cache):
        raise error

    monkeypatch.setattr(sources, "load_synthetic", fail)
    assert refusal(load_images, "synthetic", None, Path("full")) == (
        f"The images cannot be kept in full ({reason}); choose another folder with --data.cache."
    )


def test_a_path_makes_a_folder_of_the_source():
    assert resolved_source(None) == "official"
    assert resolved_source("") == "folder"


def test_an_empty_variable_names_no_cache(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    assert cache_folder(None) == Path("/home/me/.cache/lightning-cifar")
    assert refusal(cache_folder, " ") == (
        "cache is ' ', which names no folder; give its name, or . for the current one."
    )


def test_a_home_that_is_not_there_is_named():
    assert refusal(at_home, "~nobody_of_this_name/x") == (
        "~nobody_of_this_name/x cannot be found: there is no home folder of that name."
    )
