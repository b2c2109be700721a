"""A finished study, and copies of it."""

import shutil

import pytest
from commands import working_in
from small_studies import make_quick, write_study

from lightning_cifar.__main__ import main


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A folder with a finished study of two conditions and two seeds each."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        root = tmp_path_factory.mktemp("finished")
        make_quick(monkeypatch)
        with working_in(root / "work", monkeypatch) as folder:
            assert main([str(each) for each in write_study(folder)]) == 0
            yield folder


@pytest.fixture
def work_folder(finished, tmp_path, monkeypatch):
    """A copy of the finished study, to go on with or to break."""
    make_quick(monkeypatch)
    shutil.copytree(finished.parent / "cache", tmp_path / "cache")
    shutil.copytree(finished, tmp_path / "work")
    with working_in(tmp_path / "work", monkeypatch) as folder:
        yield folder
