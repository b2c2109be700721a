"""The shipped configuration files: each is read, built and, as a smoke test, trained."""

import pytest
from commands import CONFIGS, configured, run, smoke, working_in

from lightning_cifar.classifiers import VARIANTS
from lightning_cifar.cli.arguments import check_keys
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import compose, variant_in
from lightning_cifar.runs.records import read_record

OVERLAYS = ("augment", "long", "one_cycle", "published", "smoke", "synthetic")
RECIPE = "best"  # a variant and all overlays in one
STUDY = "study"  # a file for another command, see test_study_plan.py
PUBLISHED = {
    "elu": ("none", 5e-5),
    "batch_norm": ("none", 5e-4),
    "selu": (None, 7e-4),
    "alpha_dropout": (None, 5e-4),
}


def composed(*names):
    return compose([CONFIGS / f"{name}.yaml" for name in names])


def test_no_file_is_forgotten_here():
    names = {path.stem for path in CONFIGS.glob("*.yaml")}
    assert names == {"common", STUDY, RECIPE, *VARIANTS, *OVERLAYS}


@pytest.mark.parametrize("name", ["common", RECIPE, *VARIANTS, *OVERLAYS])
def test_every_setting_of_every_file_is_known(name):
    config = composed("selu", name)
    check_keys(config)
    with pytest.raises(InputError):  # control
        check_keys(config | {"data": {"colour": "red"}})


@pytest.mark.parametrize("variant", VARIANTS)
def test_file_of_a_variant_chooses_it(variant):
    config = composed(variant)
    assert variant_in(config) == variant
    assert VARIANTS[variant].__name__ == config["model"]["class_path"].rpartition(".")[2]


@pytest.mark.parametrize("variant", PUBLISHED)
def test_published_set_up_is_the_book_s(variant):
    config = composed(variant, "published")
    standardise, rate = PUBLISHED[variant]
    assert config["data"].get("standardise") == standardise
    assert config["model"]["init_args"]["learning_rate"] == rate
    assert config["data"]["batch_size"] == 32
    assert config["early_stopping"]["patience"] == 20


def test_cycle_is_never_cut_short():
    for names in ([RECIPE], ["one_cycle"], ["one_cycle", "augment", "long"]):
        config = composed("batch_norm", *names)
        assert config["early_stopping"]["patience"] >= config["trainer"]["max_epochs"]
        assert config["model"]["init_args"]["schedule"] == "one_cycle"
    assert config["trainer"]["max_epochs"] == 60
    config = composed("batch_norm")  # control: a constant rate may end early
    assert config["early_stopping"]["patience"] < config["trainer"]["max_epochs"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_smoke_run_of_every_variant_with_every_overlay(variant, tmp_path, monkeypatch, capsys):
    """One epoch with all overlays at once; smoke comes last, so it stays small."""
    overlays = configured("augment", "one_cycle", "published", "smoke")
    with working_in(tmp_path / "work", monkeypatch):
        flags = ["--run=run", "--data.validation_size=50"]
        code, _, error = run(capsys, *smoke(variant), *overlays, *flags)
        assert (code, error) == (0, "")
        record = read_record(tmp_path / "work" / "run" / "record.json")
    assert record.variant == variant
    assert len(record.epochs) == 1
    assert record.config["data"]["flip"]
    raw = PUBLISHED.get(variant, (None,))[0]
    assert record.config["data"]["standardise"] == (raw or "per_pixel")
    assert record.config["model"]["init_args"]["schedule"] == "one_cycle"
