"""Where the tests of command lines work."""

import pytest
from commands import working_in


@pytest.fixture
def cwd(tmp_path, monkeypatch):
    """An empty working folder with a cache beside it."""
    with working_in(tmp_path / "work", monkeypatch) as folder:
        yield folder
