"""What the wheel holds, built here from the sources; `make package` also installs and uses it."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from commands import CONFIGS, environment

import lightning_cifar

ROOT = Path(__file__).parent.parent
SHIPPED = (".py", ".c", ".typed", ".html", ".css", ".js", ".txt", ".md", ".yaml", ".json")
BUILD = "import sys, setuptools.build_meta as backend; backend.build_wheel(sys.argv[1])"


def copied_sources(folder):
    """The sources in a folder of their own, so that nothing else gets into the wheel."""
    for name in ("lightning_cifar", "theory", "configs"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=skipped)
    for name in ("pyproject.toml", "README.md", "LICENSE", "MANIFEST.in"):
        shutil.copy(ROOT / name, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    sources = copied_sources(folder / "sources")
    command = [sys.executable, "-c", BUILD, str(folder)]
    subprocess.run(command, cwd=sources, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


def missing_from(names):
    """Files of the packages and configurations that a wheel lacks."""
    sources = [path for name in ("lightning_cifar", "theory") for path in (ROOT / name).rglob("*")]
    wanted = {
        str(path.relative_to(ROOT)) for path in sources if path.is_file() and path.suffix in SHIPPED
    }
    wanted |= {f"lightning_cifar/configs/{path.name}" for path in CONFIGS.glob("*.yaml")}
    return wanted - names


@pytest.mark.slow
def test_wheel_holds_every_module_configuration_and_page_part(names):
    assert missing_from(names) == set()
    for name in ("lightning_cifar/configs/selu.yaml", "theory/py.typed", "theory/claim.py"):
        assert missing_from(names - {name}) == {name}  # control


@pytest.mark.slow
def test_wheel_holds_nothing_else(names):
    assert {name.split("/")[0].split("-")[0] for name in names} == {"lightning_cifar", "theory"}
    assert not [name for name in names if "__pycache__" in name]


@pytest.mark.slow
def test_wheel_says_version_licence_commands_and_extras(wheel):
    content = zipfile.ZipFile(wheel)
    info = f"lightning_cifar-{lightning_cifar.__version__}.dist-info"
    metadata = content.read(f"{info}/METADATA").decode()
    assert f"\nVersion: {lightning_cifar.__version__}\n" in metadata
    assert "\nLicense-Expression: MIT\n" in metadata
    for extra in ("tensorboard", "ray", "export", "docs", "dev"):
        assert f"\nProvides-Extra: {extra}\n" in metadata
    commands = content.read(f"{info}/entry_points.txt").decode()
    assert "lightning-cifar = lightning_cifar.__main__:main" in commands
    assert "theory = theory.__main__:main" in commands
    assert f"{info}/licenses/LICENSE" in content.namelist()


@pytest.mark.slow
def test_configurations_are_found_in_what_the_wheel_unpacks_to(wheel, tmp_path):
    zipfile.ZipFile(wheel).extractall(tmp_path / "installed")
    script = (
        "from lightning_cifar.runs.configuration import compose, config_path\n"
        "print(compose([config_path('selu')])['model']['class_path'], config_path('selu'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env=environment() | {"PYTHONPATH": str(tmp_path / "installed")},
        capture_output=True,
        text=True,
        check=True,
    )
    found = tmp_path / "installed" / "lightning_cifar" / "configs" / "selu.yaml"
    assert done.stdout.split() == ["lightning_cifar.classifiers.SeluClassifier", str(found)]
