"""What lies in zips and tars, how much of it is read, and whole messages on what cannot be."""

import gzip
import io
import tarfile

import pytest
from files_in_memory import refusal, said_of
from image_examples import zip_named
from image_forms import tar_folder

from lightning_cifar.data import containers, forms, tars
from lightning_cifar.data.containers import (
    Entry,
    check_readable,
    is_archive,
    is_left_by_system,
    opened,
    packed_entries,
    read_start,
)
from lightning_cifar.data.reading import Files, Reading
from lightning_cifar.data.tars import Packed, is_tar, packer_of, start_of


def test_what_cannot_be_read_is_named_with_what_to_do(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"")
    entries = [Entry("a"), Entry("b/", "is odd"), Entry("c", "is worse")]
    assert said_of(check_readable, entries[:1], tmp_path) == ""
    assert said_of(check_readable, entries, tmp_path) == f"{tmp_path}/b is odd; mend or remove it."
    assert said_of(check_readable, entries[1:], tmp_path / "x.zip") == (
        f"{tmp_path}/x.zip/b is odd; pack the zip without it."
    )
    assert refusal(forms.read_form, None, Files(tmp_path, entries, None), Reading()) == (
        f"{tmp_path}/b is odd; mend or remove it."
    )


def test_an_entry_knows_its_path():
    assert Entry("a/b/").path == ("a", "b", "")
    assert Entry("a/b/").is_folder
    assert not Entry("a/b").is_folder
    assert Entry("a") == Entry("a", "", 0, 0)


def test_the_names_in_an_archive_are_mended():
    members = [
        Packed(name, folder, problem, number)
        for number, (name, folder, problem) in enumerate(
            [
                ("./a//b", False, ""),
                ("/c/.", True, ""),
                ("a/b", False, "is odd"),
                (".hidden/x", False, ""),
                ("../d", False, "is odd"),
                ("./", True, ""),
                ("e", False, "is odd"),
                ("__MACOSX/../f", False, ""),
            ]
        )
    ]
    entries, files = packed_entries(members)
    assert entries == [
        Entry("a/b", "is there twice"),
        Entry("c/"),
        Entry("../d", "leads out of the archive"),
        Entry("e", "is odd"),
    ]
    assert files == {"a/b": 2, "../d": 4, "e": 6}


def test_hidden_names_and_what_systems_leave_are_known():
    left = [".x", "THUMBS.DB", "a:Zone.Identifier", "x@SynoEAStream", "y:encryptable"]
    assert all(map(is_left_by_system, left))
    assert not any(map(is_left_by_system, ["x.", "thumbs", "a:zone", "@eadir2"]))


def test_a_file_is_read_up_to_so_many_bytes(tmp_path):
    (tmp_path / "x").write_bytes(b"12345")
    assert [read_start(tmp_path / "x", most) for most in (2, 5, 9)] == [b"12", b"12345", b"12345"]
    with opened(tmp_path) as (entries, read):
        assert [entry.name for entry in entries] == ["x"]
        assert read("x", 3) == b"123"


@pytest.mark.parametrize("pack", ["zip", "tar", "gz", "bz2", "xz"])
def test_a_file_in_an_archive_is_read_up_to_so_many_bytes(tmp_path, pack):
    (tmp_path / "in/b").mkdir(parents=True)
    (tmp_path / "in/b/x").write_bytes(b"12345")
    path = tmp_path / f"a.{pack}"
    if pack == "zip":
        zip_named(path, [("b/x", b"12345")])
    else:
        tar_folder(tmp_path / "in", path)
    assert is_archive(path)
    assert is_tar(path) is (pack != "zip")
    with opened(path) as (_, read):
        assert [read("b/x", most) for most in (2, 5, 9)] == [b"12", b"12345", b"12345"]


def test_what_is_no_archive_is_none(tmp_path):
    (tmp_path / "x").write_bytes(b"ustar" * 200)
    assert not is_archive(tmp_path / "x")
    assert start_of(tmp_path / "nowhere") == b""
    assert len(start_of(tmp_path / "x")) == 512
    assert packer_of(b"PK") is None
    assert packer_of(b"BZh9") is tars.bz2.open


def test_a_zip_that_is_none_is_named(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"none")
    assert refusal(opened(tmp_path / "x.zip").__enter__) == (
        f"{tmp_path}/x.zip is not a zip, or a truncated one (File is not a zip file); give a "
        "folder or a whole zip."
    )


@pytest.mark.parametrize(
    ("error", "said"),
    [(OSError(5, "Input/output error"), "Input/output error"), (OSError("odd"), "odd")],
)
def test_a_zip_that_cannot_be_read_is_named(tmp_path, monkeypatch, error, said):
    def fail(source):
        raise error

    (tmp_path / "x.zip").write_bytes(b"none")
    monkeypatch.setattr(containers.zipfile, "ZipFile", fail)
    assert refusal(opened(tmp_path / "x.zip").__enter__) == (
        f"{tmp_path}/x.zip cannot be read ({said})."
    )


def tar_bytes(*members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members:
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


WHOLE_TAR = tar_bytes(("a", b"1" * 512), ("b", b"2" * 513))
BROKEN = {
    "cut": (WHOLE_TAR[: 3 * 512], "unexpected end of data"),
    "without its end": (WHOLE_TAR[: 5 * 512], "it is damaged or ends too early after 'b'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_tar_that_is_not_whole_is_named(tmp_path, case):
    content, said = BROKEN[case]
    (tmp_path / "x.tar").write_bytes(content)
    message = refusal(opened(tmp_path / "x.tar").__enter__)
    start, end = (
        f"'{tmp_path}/x.tar' is not a tar, or a truncated one (",
        "); give a folder or a whole archive.",
    )
    assert message.startswith(start)
    assert message.endswith(end)
    if case != "cut":  # that is Python's own message
        assert message == f"{start}{said}{end}"


def test_a_tar_of_nothing_is_named(tmp_path):
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(bytes(10240)))
    assert refusal(opened(tmp_path / "x.tar.gz").__enter__) == (
        f"'{tmp_path}/x.tar.gz' is not a tar, or a truncated one (it is empty); give a folder or a "
        "whole archive."
    )


@pytest.mark.parametrize("most", [len(WHOLE_TAR), len(WHOLE_TAR) - 1])
def test_an_archive_may_not_unpack_without_end(tmp_path, monkeypatch, most):
    monkeypatch.setattr(tars, "MOST_BYTES", most)
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress(WHOLE_TAR))
    if most == len(WHOLE_TAR):
        with opened(tmp_path / "x.tar.gz") as (entries, _):
            assert [entry.name for entry in entries] == ["a", "b"]
        return
    assert refusal(opened(tmp_path / "x.tar.gz").__enter__) == (
        f"'{tmp_path}/x.tar.gz' is not a tar, or a truncated one (it unpacks to more than "
        f"{most:,} bytes); give a folder or a whole archive."
    )


def test_links_and_pipes_in_a_tar_have_a_problem(tmp_path):
    kinds = {
        "a": tarfile.SYMTYPE,
        "b": tarfile.LNKTYPE,
        "c": tarfile.FIFOTYPE,
        "d": tarfile.DIRTYPE,
    }
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name, kind in kinds.items():
            member = tarfile.TarInfo(name)
            member.type = kind
            archive.addfile(member)
    link = "is a link without what it leads to"
    with opened(tmp_path / "x.tar") as (entries, _):
        assert entries == [
            *(Entry("a", link), Entry("b", link)),
            *(Entry("c", "is neither a file nor a folder"), Entry("d/")),
        ]
