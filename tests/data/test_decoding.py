import fcntl
import subprocess
import sys
import time

import numpy as np
import pytest
from image_examples import encoded

from lightning_cifar.data import decoding
from lightning_cifar.data.decoding import decode_all

WAIT_SECONDS = 60

KILLED_WHILE_DECODING = """
import os, signal, sys
from pathlib import Path
from lightning_cifar.data import decoding
from lightning_cifar.files import exclusive

decoding.WORTH_PROCESSES = 0
with exclusive(Path(sys.argv[1])):
    images = decoding.decode_all([("image", Path(sys.argv[2]).read_bytes())] * 1000)
    next(images)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("worth_processes", [0, 1000], ids=["processes", "in place"])
def test_images_keep_their_order(monkeypatch, worth_processes):
    monkeypatch.setattr(decoding, "WORTH_PROCESSES", worth_processes)
    monkeypatch.setattr(decoding, "FILES_PER_TASK", 7)
    files = [(str(number), encoded(number)) for number in range(50)]
    pixels = np.concatenate([each.pixels for each in decode_all(files)])
    assert pixels.shape == (50, 3, 32, 32)
    assert (pixels == np.arange(50)[:, None, None, None]).all()


def test_a_killed_run_leaves_no_lock(tmp_path):
    """The processes that decode inherit the lock, so they must not outlive their parent."""
    (tmp_path / "image.png").write_bytes(encoded(0))
    command = [
        sys.executable,
        "-c",
        KILLED_WHILE_DECODING,
        tmp_path / "lock",
        tmp_path / "image.png",
    ]
    assert subprocess.run(command, check=False).returncode == -9
    with (tmp_path / "lock").open("w") as file:
        end = time.monotonic() + WAIT_SECONDS
        while not locked(file):
            assert time.monotonic() < end, "an orphan still holds the lock"
            time.sleep(0.1)


def locked(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
