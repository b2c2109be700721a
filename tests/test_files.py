import contextlib
import errno
import fcntl
import hashlib
import os
import stat
import tempfile
from pathlib import Path

import pytest
from controls import assert_rejects
from hypothesis import example, given
from hypothesis import strategies as st

from lightning_cifar.files import (
    disk_full,
    exclusive,
    sha256_of,
    write_atomically,
    write_text_atomically,
)


def full_after(count, content):
    """Writes ``count`` bytes of ``content``, and fails as a full disk does if that is not all."""

    def write(file):
        file.write(content[:count])
        file.flush()
        if count < len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return write


def whole_or_absent(write_file):
    @given(
        old=st.none() | st.binary(max_size=20),
        new=st.binary(min_size=1, max_size=20),
        count=st.integers(0, 20),
    )
    @example(old=b"old", new=b"newer", count=3)
    def check(old, new, count):
        with tempfile.TemporaryDirectory() as name:
            path = Path(name) / "file"
            if old is not None:
                path.write_bytes(old)
            expected = new if count >= len(new) else old
            disk_full = pytest.raises(OSError, match=os.strerror(errno.ENOSPC))
            with disk_full if count < len(new) else contextlib.nullcontext():
                write_file(path, full_after(count, new))
            assert (path.read_bytes() if path.exists() else None) == expected
            assert os.listdir(name) == ([] if expected is None else ["file"])

    return check


def test_file_is_whole_or_as_it_was():
    whole_or_absent(write_atomically)()


def test_control_writing_in_place_is_rejected():
    def in_place(path, write):
        with path.open("wb") as file:
            write(file)

    assert_rejects(whole_or_absent(in_place))


def test_control_leaving_a_temporary_file_is_rejected():
    def littering(path, write):
        temporary = path.with_suffix(".tmp")
        with temporary.open("wb") as file:
            write(file)
        os.replace(temporary, path)

    assert_rejects(whole_or_absent(littering))


def test_temporary_file_lies_beside_its_target(tmp_path):
    seen = []

    def write(file):
        seen.extend(tmp_path.iterdir())
        file.write(b"content")

    write_atomically(tmp_path / "file", write)
    assert len(seen) == 1
    assert seen[0].name != "file"


def test_a_pipe_is_written_and_stays_one(tmp_path):
    pipe, plain = tmp_path / "pipe", tmp_path / "plain"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    for path in (pipe, plain):
        write_text_atomically(path, "content")
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert [path.is_fifo() for path in (pipe, plain)] == [True, False]


def test_others_may_read_the_file(tmp_path):
    write_text_atomically(tmp_path / "file", "text")
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o644


def test_text_is_utf8(tmp_path):
    write_text_atomically(tmp_path / "file", "Grüße\n")
    assert (tmp_path / "file").read_bytes() == "Grüße\n".encode()


def test_missing_folder_is_an_error(tmp_path):
    path = tmp_path / "missing" / "file"
    with pytest.raises(OSError, match="No such file") as raised:
        write_text_atomically(path, "text")
    assert raised.value.filename == str(path)  # and not the temporary file's


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 21) + 3])
def test_hash_is_of_the_whole_file(tmp_path, size):
    content = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "file").write_bytes(content[:size])
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content[:size]).hexdigest()


def is_locked(path):
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_lock_is_held_while_the_block_runs(tmp_path):
    path = tmp_path / "lock"
    with exclusive(path):
        assert is_locked(path)
    assert not is_locked(path)


def test_lock_is_released_when_the_block_fails(tmp_path):
    path = tmp_path / "lock"
    with pytest.raises(ValueError, match="stop"), exclusive(path):
        raise ValueError("stop")
    assert not is_locked(path)


def test_a_full_disk_keeps_its_number_and_names_the_file():
    told = disk_full(OSError(errno.ENOSPC, "No space left on device"), Path("runs/record.json"))
    assert (told.errno, told.filename) == (errno.ENOSPC, "runs/record.json")
    assert told.strerror == (
        "No space left on device; free some space on the disk of this folder (nothing old is lost)"
    )
