import hashlib
import io
import os
import pickle
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from torchvision.datasets import CIFAR10, CIFAR100

from lightning_cifar.data import cifar_layouts, official
from lightning_cifar.data.official import ARCHIVES, Archive, load_official
from lightning_cifar.data.synthetic import draw, write_files
from lightning_cifar.errors import InputError

FOLDER = "cifar-10-batches-py"
LAYOUT = cifar_layouts.CIFAR10


@pytest.fixture
def served(tmp_path):
    """A folder with a small archive in the official layout."""
    batches = tmp_path / "batches"
    batches.mkdir()
    write_files(batches, train_size=50, test_size=20, seed=0)
    folder = tmp_path / "served"
    folder.mkdir()
    with tarfile.open(folder / "cifar.tar.gz", "w:gz") as tar:
        for name in (*LAYOUT.train_files, *LAYOUT.test_files, LAYOUT.meta_file):
            tar.add(batches / name, f"{FOLDER}/{name}")
    return folder


def archive_in(folder, url=None):
    """The description under which the archive in ``folder`` is the right one."""
    path = folder / "cifar.tar.gz"
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    return Archive(url or path.as_uri(), path.name, FOLDER, len(content), digest)


def has_the_images(images):
    assert images.train.images.equal(draw(50, 0, 0).images)
    assert images.train.labels.equal(draw(50, 0, 0).labels)
    assert images.test.images.equal(draw(20, 0, 1).images)


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without writing a log."""

    def log_message(self, *args):
        pass


@pytest.fixture
def server(served):
    """The address of a web server that serves the folder."""
    handler = partial(QuietHandler, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


def test_downloaded_verified_and_read(served, server, tmp_path):
    archive = archive_in(served, f"{server}/cifar.tar.gz")
    has_the_images(load_official(tmp_path / "cache", archive=archive))
    assert (tmp_path / "cache/official/cifar.tar.gz").exists()


def test_second_start_needs_neither_network_nor_archive(served, tmp_path):
    load_official(tmp_path / "cache", archive=archive_in(served))
    (tmp_path / "cache/official/cifar.tar.gz").unlink()
    nowhere = archive_in(served)._replace(url="http://127.0.0.1:1/none")
    has_the_images(load_official(tmp_path / "cache", archive=nowhere))


def test_an_archive_put_there_by_hand_is_used(served, tmp_path):
    (tmp_path / "cache/official").mkdir(parents=True)
    archive = archive_in(served, "http://127.0.0.1:1/none")
    (served / "cifar.tar.gz").rename(tmp_path / "cache/official/cifar.tar.gz")
    has_the_images(load_official(tmp_path / "cache", archive=archive))


def nothing_was_kept(cache):
    assert [path.name for path in (cache / "official").iterdir() if "lock" not in path.name] == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"sha256": "0" * 64}, "its SHA-256 is .* instead of 0000"),
        ({"size_bytes": 10**6}, r"it has \d+ bytes instead of 1000000"),
        ({"size_bytes": 100}, "bytes instead of 100"),
    ],
)
def test_a_download_with_other_content_is_refused(served, tmp_path, wrong, reason):
    archive = archive_in(served)._replace(**wrong)
    with pytest.raises(
        InputError, match=rf"not the official archive: .*{reason}.*Nothing was kept"
    ):
        load_official(tmp_path / "cache", archive=archive)
    nothing_was_kept(tmp_path / "cache")


def test_a_download_does_not_outgrow_its_size(served, tmp_path, monkeypatch):
    monkeypatch.setattr(official, "CHUNK_BYTES", 64)
    archive = archive_in(served)._replace(size_bytes=100)
    with pytest.raises(InputError, match="it has 128 bytes instead of 100"):
        load_official(tmp_path / "cache", archive=archive)


def test_a_failed_download_says_what_else_can_be_done(served, tmp_path):
    archive = archive_in(served)._replace(url="http://127.0.0.1:1/none")
    with pytest.raises(
        InputError, match=r"cannot be downloaded .*Put cifar.tar.gz into .*synthetic"
    ):
        load_official(tmp_path / "cache", archive=archive)
    nothing_was_kept(tmp_path / "cache")


def test_a_missing_page_is_a_failed_download(served, server, tmp_path):
    archive = archive_in(served, f"{server}/none")
    with pytest.raises(InputError, match="cannot be downloaded"):
        load_official(tmp_path / "cache", archive=archive)


class Gadget:
    """Pickled, it makes a folder when a trusting reader unpickles it."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def write_gadget_archive(path, target):
    content = pickle.dumps({"data": Gadget(target)})
    with tarfile.open(path, "w:gz") as tar:
        for name in (*LAYOUT.train_files, *LAYOUT.test_files, LAYOUT.meta_file):
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))


def test_a_wrong_archive_by_hand_is_refused_unread_and_kept(served, tmp_path):
    archive = archive_in(served)
    path = tmp_path / "cache/official/cifar.tar.gz"
    path.parent.mkdir(parents=True)
    write_gadget_archive(path, tmp_path / "made")
    content = path.read_bytes()
    with pytest.raises(InputError, match=f"{path} is not the official archive: .*Delete it"):
        load_official(tmp_path / "cache", archive=archive)
    assert not (tmp_path / "made").exists()
    assert path.read_bytes() == content


def test_even_a_verified_archive_does_not_act(served, tmp_path):
    write_gadget_archive(served / "cifar.tar.gz", tmp_path / "made")
    with pytest.raises(InputError, match="mkdir, which is not admitted"):
        load_official(tmp_path / "cache", archive=archive_in(served))
    assert not (tmp_path / "made").exists()


def test_members_outside_the_folder_are_not_extracted(served, tmp_path):
    with tarfile.open(served / "cifar.tar.gz", "w:gz") as tar:
        member = tarfile.TarInfo("../../escaped")
        member.size = 1
        tar.addfile(member, io.BytesIO(b"x"))
    with pytest.raises(InputError, match=r"The archive lacks batches\.meta, data_batch_1"):
        load_official(tmp_path / "cache", archive=archive_in(served))
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize(("source", "theirs"), [("official", CIFAR10), ("cifar100", CIFAR100)])
def test_the_official_archives_are_the_published_ones(source, theirs):
    archive = ARCHIVES[source]
    assert (archive.url, archive.filename) == (theirs.url, theirs.filename)
    assert archive.folder == theirs.base_folder
    assert len(archive.sha256) == 64


def test_the_official_archive_has_the_published_size():
    assert ARCHIVES["official"].size_bytes == 170_498_071
    assert ARCHIVES["official"].sha256.startswith("6d958be0")
