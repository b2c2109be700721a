"""The official archives: where one is looked for, and the whole of what is said of a wrong one."""

import hashlib
import io
import tarfile
import urllib.error
from pathlib import Path
from types import SimpleNamespace

import pytest
from files_in_memory import refusal

from lightning_cifar.data import official
from lightning_cifar.data.cifar_layouts import CIFAR10, CIFAR100, CIFAR100S
from lightning_cifar.data.official import (
    ARCHIVES,
    Archive,
    copy_verified,
    download,
    load_official,
    members,
    mismatch,
    on_this_disk,
    verified_content,
)

CONTENT = b"an archive of twenty-nine by."
DIGEST = hashlib.sha256(CONTENT).hexdigest()
RIGHT = Archive("http://there/it.gz", "it.gz", "folder", len(CONTENT), DIGEST)
WRONG = RIGHT._replace(sha256="0" * 64)
ELSE = "or use --data.source=folder or --data.source=synthetic."


def test_sizes_and_hashes_are_compared():
    assert mismatch(RIGHT, len(CONTENT), DIGEST) == ""
    assert mismatch(RIGHT, 28, "x") == "it has 28 bytes instead of 29"
    assert mismatch(RIGHT, 29, "x") == f"its SHA-256 is x instead of {DIGEST}"


def test_a_wrong_file_is_named(tmp_path):
    path = tmp_path / "it.gz"
    path.write_bytes(CONTENT)
    assert verified_content(RIGHT, path) == CONTENT
    assert refusal(verified_content, WRONG, path) == (
        f"{path} is not the official archive: its SHA-256 is {DIGEST} instead of {'0' * 64}. "
        "Delete it to download it again, or replace it by the right one."
    )
    path.write_bytes(CONTENT * 2)
    assert refusal(verified_content, RIGHT, path) == (
        f"{path} is not the official archive: it has 58 bytes instead of 29. Delete it to download "
        "it again, or replace it by the right one."
    )


def copied(archive, content):
    """Copy a download seven bytes at a time; what arrived, and how far the bar went."""
    target, done = io.BytesIO(), []
    copy_verified(io.BytesIO(content), target, archive, SimpleNamespace(update=done.append))
    return target.getvalue(), done


def test_a_download_is_copied_piece_by_piece(monkeypatch):
    monkeypatch.setattr(official, "CHUNK_BYTES", 7)
    assert copied(RIGHT, CONTENT) == (CONTENT, [7, 7, 7, 7, 1])


@pytest.mark.parametrize(
    ("archive", "content", "problem"),
    [
        (WRONG, CONTENT, f"its SHA-256 is {DIGEST} instead of {'0' * 64}"),
        (RIGHT, CONTENT[:-1], "it has 28 bytes instead of 29"),
        (RIGHT, CONTENT * 9, "it has 35 bytes instead of 29"),
        (RIGHT._replace(size_bytes=28), CONTENT * 9, "it has 35 bytes instead of 28"),
    ],
)
def test_a_wrong_download_is_named(monkeypatch, archive, content, problem):
    monkeypatch.setattr(official, "CHUNK_BYTES", 7)
    assert refusal(copied, archive, content) == (
        f"What http://there/it.gz sent is not the official archive: {problem}. Nothing was kept; "
        f"try again later, {ELSE}"
    )


@pytest.fixture
def bars(monkeypatch):
    """The options of each bar that is shown."""
    shown, bar = [], official.tqdm

    def recorded(**options):
        shown.append(options)
        return bar(**options)

    monkeypatch.setattr(official, "tqdm", recorded)
    return shown


def answer(monkeypatch, give):
    """Let addresses be opened by ``give``; what was asked for."""
    asked = []

    def opened(url, timeout):
        asked.append((url, timeout))
        return give()

    monkeypatch.setattr(official.urllib.request, "urlopen", opened)
    return asked


def test_a_download_is_shown_by_a_bar(tmp_path, monkeypatch, bars):
    asked = answer(monkeypatch, lambda: io.BytesIO(CONTENT))
    download(RIGHT, tmp_path / "here.gz")
    assert (tmp_path / "here.gz").read_bytes() == CONTENT
    assert asked == [("http://there/it.gz", 60)]
    shown = {"total": 29, "unit": "B", "unit_scale": True, "desc": "it.gz", "disable": None}
    assert bars == [shown]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (urllib.error.URLError("no route"), "no route"),
        (TimeoutError("too slow"), "too slow"),
        (ConnectionError("cut"), "cut"),
    ],
)
def test_a_download_that_fails_says_what_to_do(tmp_path, monkeypatch, error, reason):
    def fail():
        raise error

    answer(monkeypatch, fail)
    assert refusal(download, RIGHT, tmp_path / "it.gz") == (
        f"http://there/it.gz cannot be downloaded ({reason}). Put it.gz into {tmp_path} yourself, "
        f"{ELSE}"
    )


@pytest.mark.parametrize(
    "place", ["home/.keras/datasets/folder.tar.gz", "home/.keras/datasets/folder-target.tar.gz",
              "work/data/it.gz"]
)  # fmt: skip
def test_an_archive_is_found_where_others_keep_it(tmp_path, monkeypatch, place):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert on_this_disk(RIGHT) is None
    path = tmp_path / place
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    found = on_this_disk(RIGHT)
    assert found is not None
    assert found.absolute() == path
    for archive in (WRONG, RIGHT._replace(size_bytes=28)):
        assert on_this_disk(archive) is None


def test_a_wrong_archive_does_not_hide_the_right_one(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    for folder, name, content in (
        (".keras/datasets", "folder.tar.gz", bytes(29)),
        ("data", "it.gz", CONTENT),
    ):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / name).write_bytes(content)
    assert on_this_disk(RIGHT) == Path("data/it.gz")


def tar_of(**contents):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in contents.items():
            member = tarfile.TarInfo(f"f/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


def test_wanted_members_are_read_under_their_short_names():
    packed = tar_of(one=b"1", two=b"2", more=b"3")
    assert members(packed, {"f/one": "one", "f/two": "2nd"}) == {"one": b"1", "2nd": b"2"}
    assert refusal(members, packed, {"f/z": "z", "f/one": "one", "f/y": "y"}) == (
        "The archive lacks y, z; it is not CIFAR's."
    )


@pytest.mark.parametrize(
    ("layout", "kept", "source"),
    [
        (CIFAR10, "official", "official"),
        (CIFAR100, "cifar100/fine_labels", "cifar100"),
        (CIFAR100S["coarse"], "cifar100/coarse_labels", "cifar100"),
    ],
)
def test_each_set_of_labels_is_kept_in_its_place(tmp_path, monkeypatch, layout, kept, source):
    cache, calls = tmp_path / "a/b", []
    monkeypatch.setattr(official, "cached_set", lambda folder, build: (folder, build))
    monkeypatch.setattr(official, "on_this_disk", lambda archive: None)
    monkeypatch.setattr(official, "download", lambda *given: calls.append(given))
    monkeypatch.setattr(official, "read_archive", lambda *given: given)
    options = {} if layout is CIFAR10 else {"layout": layout}
    folder, build = load_official(cache, **options)
    assert folder == cache / kept
    archive = ARCHIVES[source]
    path = cache / source / archive.filename
    assert build() == (archive, path, layout, cache / source)
    assert calls == [(archive, path)]
    assert (cache / source / "download.lock").exists()
    monkeypatch.setattr(official, "on_this_disk", lambda archive: Path("elsewhere"))
    assert build() == (archive, Path("elsewhere"), layout, cache / source)
    path.write_bytes(b"")
    assert build() == (archive, path, layout, cache / source)
    assert len(calls) == 1


def test_a_second_archive_has_its_published_hash():
    """As Keras pins it (keras/src/datasets/cifar100.py)."""
    assert ARCHIVES["cifar100"].size_bytes == 169_001_437
    assert ARCHIVES["cifar100"].sha256.startswith("85cd44d02ba6437773c5bbd22e183051d648de2e")
