import errno
import io
import os
import pickle
import warnings

import pytest
import torch
from controls import assert_rejects
from damages import flips, truncations

from lightning_cifar.errors import InputError
from lightning_cifar.runs.checkpoints import (
    SEAL_BYTES,
    DamagedCheckpoint,
    SealedCheckpoints,
    load_checkpoint,
    save_checkpoint,
)

CHECKPOINT = {"state_dict": {"weight": torch.tensor([500.0, -2.0])}, "epoch": 3}


def saved(path):
    save_checkpoint(CHECKPOINT, path)
    return path.read_bytes()


def loads_silently(load, content, path, refusal):
    """Whether a damaged content is read without complaint, as something else."""
    path.write_bytes(content)
    try:
        loaded = load(path)
        weight = loaded["state_dict"]["weight"]
    except refusal:
        return False
    return loaded["epoch"] != 3 or not torch.equal(weight, CHECKPOINT["state_dict"]["weight"])


def plain_load(path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, weights_only=True)


def damage_is_noticed(load, damaged, path, refusal=DamagedCheckpoint):
    def check():
        assert not any(loads_silently(load, content, path, refusal) for content in damaged)

    return check


def test_what_is_saved_is_loaded(tmp_path):
    saved(tmp_path / "a.ckpt")
    loaded = load_checkpoint(tmp_path / "a.ckpt")
    assert loaded["epoch"] == 3
    assert torch.equal(loaded["state_dict"]["weight"], CHECKPOINT["state_dict"]["weight"])


def test_other_programs_read_the_file(tmp_path):
    saved(tmp_path / "a.ckpt")
    assert plain_load(tmp_path / "a.ckpt")["epoch"] == 3


@pytest.mark.parametrize("damage", [flips, truncations])
def test_every_damage_is_noticed(tmp_path, damage):
    content = saved(tmp_path / "a.ckpt")
    damage_is_noticed(load_checkpoint, damage(content), tmp_path / "b.ckpt")()


def test_control_plain_torch_does_not_notice_flips(tmp_path):
    content = saved(tmp_path / "a.ckpt")[:-SEAL_BYTES]
    assert_rejects(damage_is_noticed(plain_load, flips(content), tmp_path / "b.ckpt", Exception))


def test_bytes_after_the_end_are_noticed(tmp_path):
    content = saved(tmp_path / "a.ckpt")
    (tmp_path / "a.ckpt").write_bytes(content + b"\0")
    with pytest.raises(DamagedCheckpoint, match="checksum does not match"):
        load_checkpoint(tmp_path / "a.ckpt")


class Payload:
    """A pickle that makes a folder when it is read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("write", ["torch", "pickle"])
def test_code_in_a_sealed_file_does_not_run(tmp_path, write):
    target = tmp_path / "was_here"
    save_checkpoint({"payload": Payload(target)}, tmp_path / "a.ckpt")
    if write == "pickle":
        seal_by_hand(pickle.dumps(Payload(target)), tmp_path / "a.ckpt")
    with pytest.raises(DamagedCheckpoint, match="was not loaded"):
        load_checkpoint(tmp_path / "a.ckpt")
    assert not target.exists()


def test_control_the_code_would_run(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "was_here")))
    assert (tmp_path / "was_here").exists()


def seal_by_hand(content, path):
    """Anybody can compute a checksum: the seal is no protection against intent."""
    from hashlib import sha256

    from lightning_cifar.runs.checkpoints import MARK

    path.write_bytes(content + MARK + sha256(content).digest())


def test_something_else_than_a_checkpoint_is_refused(tmp_path):
    buffer = io.BytesIO()
    torch.save([1, 2], buffer)
    seal_by_hand(buffer.getvalue(), tmp_path / "a.ckpt")
    with pytest.raises(DamagedCheckpoint, match="contains a list, not a checkpoint"):
        load_checkpoint(tmp_path / "a.ckpt")


def test_missing_file_is_an_input_error(tmp_path):
    with pytest.raises(InputError, match=r"cannot read the checkpoint .*No such file"):
        load_checkpoint(tmp_path / "none.ckpt")


def test_full_disk_leaves_the_previous_file_and_says_what_to_free(tmp_path, monkeypatch):
    path = tmp_path / "a.ckpt"
    before = saved(path)

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="free some space on the disk") as caught:
        save_checkpoint({"epoch": 4}, path)
    assert caught.value.filename == str(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["a.ckpt"]


def test_limited_file_size_leaves_the_previous_file(tmp_path):
    """The system itself refuses a write part of the way through."""
    resource = pytest.importorskip("resource", reason="limits are of Unix")
    path = tmp_path / "a.ckpt"
    before, limits = saved(path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(OSError, match="free some space on the disk"):
            save_checkpoint({"weight": torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_bytes() == before


def test_plugin_writes_reads_and_removes(tmp_path):
    plugin, path = SealedCheckpoints(), tmp_path / "deep" / "a.ckpt"
    plugin.save_checkpoint(CHECKPOINT, path)
    assert plugin.load_checkpoint(path, weights_only=False)["epoch"] == 3
    plugin.remove_checkpoint(path)
    plugin.remove_checkpoint(path)
    assert not path.exists()
