"""Two fits that start at once in one place, after a third was killed while it filled the cache."""

import signal

import pytest
import torch
from commands import configured
from image_examples import write_folder
from processes import Started

from lightning_cifar.runs.checkpoints import load_checkpoint

LIMIT = 600  # seconds
FIT = "from lightning_cifar.__main__ import main; sys.exit(main(sys.argv[1:]))"
KILLED = "from benchmarks.kill_test import MOMENTS, set_trap; set_trap(*MOMENTS['cache building'])"


@pytest.mark.slow
def test_two_fits_share_a_cache_and_number_their_runs(tmp_path):
    images = write_folder(tmp_path / "images", train=4)
    data = {"source": "folder", "path": images, "cache": "cache", "validation_size": 10}
    flags = [f"--data.{key}={value}" for key, value in data.items()]
    arguments = ["fit", *configured("elu", "smoke"), *flags]

    def start(code, *more):
        return Started("-c", f"import sys; {code}; {FIT}", *arguments, *more, cwd=tmp_path)

    killed = start(KILLED, "--run=killed")
    assert killed.wait(LIMIT) == -signal.SIGKILL
    assert list((tmp_path / "cache").rglob("*.npy")), "killed before anything was written"
    assert not list((tmp_path / "cache").rglob("manifest.json")), "killed after all was written"
    both = [start("pass"), start("pass")]
    codes = [process.wait(LIMIT) for process in both]
    errors = [process.said()[1] for process in both]
    assert codes == [0, 0], errors
    assert sum("are rebuilt" in error for error in errors) == 1
    runs = sorted((tmp_path / "runs").iterdir())
    assert [run.name for run in runs] == ["elu-000", "elu-001"]
    first, second = (load_checkpoint(run / "best.ckpt")["state_dict"] for run in runs)
    assert all(torch.equal(first[name], second[name]) for name in first)
