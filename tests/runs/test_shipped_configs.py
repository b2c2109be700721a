"""Configurations by name: those that come with the package are there wherever it is installed."""

import pytest
import yaml
from commands import CONFIGS

from lightning_cifar.cli.arguments import with_configs_composed
from lightning_cifar.errors import InputError
from lightning_cifar.runs.configuration import SHIPPED, compose, config_path, shipped_configs


def test_shipped_are_the_files_of_the_repository():
    names = {path.stem for path in CONFIGS.glob("*.yaml")}
    assert set(shipped_configs()) == names >= {"selu", "smoke"}
    for name, path in shipped_configs().items():
        assert path.read_bytes() == (CONFIGS / f"{name}.yaml").read_bytes()


def test_name_is_that_of_a_shipped_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_path("selu") == SHIPPED / "selu.yaml"
    assert compose([config_path("selu")]) == compose([CONFIGS / "selu.yaml"])


@pytest.mark.parametrize("name", ["selu.yaml", "./selu", "mine/selu", "selu.yml", "/selu"])
def test_folder_or_suffix_makes_it_a_file(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    assert config_path(name).parent != SHIPPED


def test_file_of_the_user_goes_before_a_shipped_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elu").mkdir()  # a folder is no configuration
    (tmp_path / "selu").write_text("seed_everything: 7\n")
    assert compose([config_path("selu")]) == {"seed_everything": 7}
    assert config_path("elu") == SHIPPED / "elu.yaml"


def test_base_may_be_a_shipped_configuration(tmp_path):
    (tmp_path / "mine.yaml").write_text("base: selu\ndata: {batch_size: 64}\n")
    config = compose([tmp_path / "mine.yaml"])
    expected = compose([SHIPPED / "selu.yaml"])
    expected["data"]["batch_size"] = 64
    assert config == expected
    (tmp_path / "selu").write_text("seed_everything: 7\n")  # beside the file that names it
    assert compose([tmp_path / "mine.yaml"])["seed_everything"] == 7


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sleu", "there is no configuration 'sleu'; did you mean 'selu'?"),
        ("xyz", "there is no configuration 'xyz'; there are alpha_dropout, augment, "),
    ],
)
def test_unknown_name_is_refused_with_the_nearest(tmp_path, monkeypatch, name, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as raised:
        config_path(name)
    assert str(raised.value).startswith(message)


def test_missing_file_with_a_shipped_name_is_refused_with_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="No such file or directory; the shipped one is --config"):
        compose([config_path("configs/selu.yaml")])
    with pytest.raises(InputError, match=r"No such file or directory$"):
        compose([config_path("configs/mine.yaml")])


def test_class_chosen_by_a_flag_takes_its_variant_s_settings(tmp_path, monkeypatch):
    """Flags beat files: an overlay must not leave another variant's settings behind."""
    for before in ([], ["--config", "selu"]):
        flags = [*before, "--config", "published", "--model=BatchNormClassifier"]
        _, _, document, _ = with_configs_composed(["fit", *flags])
        config = yaml.safe_load(document)
        assert config["model"]["class_path"] == "BatchNormClassifier"
        assert config["model"]["init_args"]["learning_rate"] == 5e-4
        assert config["data"]["standardise"] == "none"


@pytest.mark.parametrize("name", ["smoke", "synthetic", "published"])
def test_overlay_alone_chooses_no_variant(name):
    with pytest.raises(InputError, match="no variant chosen: add --config selu"):
        with_configs_composed(["fit", "--config", name])
