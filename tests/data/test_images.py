"""Images in memory and in a file are the same images to whoever asks."""

import pytest
import torch
from image_examples import random_images

from lightning_cifar.data import images as module
from lightning_cifar.data.images import LabelledImages, image_hashes

ORDER = torch.tensor([4, 0, 6, 2])


@pytest.fixture(params=["memory", "file"])
def found(request):
    """Four images of seven, out of order; those of a file know their rows."""
    made = random_images(7)
    kept = made if request.param == "memory" else LabelledImages.in_file(made.images, made.labels)
    assert (kept.rows is None) is (request.param == "memory")
    return kept.select(ORDER)


@pytest.fixture
def expected():
    """The same images, indexed by hand."""
    return random_images(7).images[ORDER], random_images(7).labels[ORDER]


def test_chosen_images_are_given_in_their_order(found, expected):
    images, labels = expected
    assert found.images.equal(images)
    assert found.labels.equal(labels)
    assert len(found) == 4
    assert found.shape == (4, 3, 32, 32)
    assert found.device.type == "cpu"
    assert found.between(1, 3).equal(images[1:3])
    assert found.at(torch.tensor([3, 3, 0])).equal(images[[3, 3, 0]])
    assert found.select(torch.tensor([2, 1])).images.equal(images[[2, 1]])
    assert found.to("cpu").images.equal(images)


def test_pieces_are_the_whole(found, expected, monkeypatch):
    images, _ = expected
    assert [len(piece) for piece in found.split(3)] == [3, 1]
    monkeypatch.setattr(module, "PIECE_BYTES", 2 * 3 * 32 * 32)
    pieces = list(found.pieces())
    assert [len(piece) for piece in pieces] == [2, 2]
    assert torch.cat(pieces).equal(images)


def test_images_go_to_another_device_piece_by_piece(found, monkeypatch):
    monkeypatch.setattr(module, "PIECE_BYTES", 2 * 3 * 32 * 32)
    there = found.to("meta")  # which takes shapes and no values
    assert there.images.shape == (4, 3, 32, 32)
    assert (there.device.type, there.labels.device.type) == ("meta", "meta")
    assert there.rows is None


def test_hashes_tell_images_apart(found, expected, monkeypatch):
    images, _ = expected
    whole = image_hashes(found)
    assert len(set(whole.tolist())) == 4
    assert (image_hashes(images) == whole).all()
    monkeypatch.setattr(module, "PIECE_BYTES", 1)  # one at a time
    assert (image_hashes(found) == whole).all()
    changed = images.clone()
    changed[2, 0, 0, 0] ^= 1
    assert (image_hashes(changed) == whole).tolist() == [True, True, False, True]


WRONG = {
    "float images": (lambda i, n: (i.float(), n), "images must be uint8 .* got torch.float32"),
    "grey images": (lambda i, n: (i[:, :1], n), r"got torch.uint8 of shape \(7, 1, 32, 32\)"),
    "no squares": (lambda i, n: (i[..., :31, :], n), r"of shape \(7, 3, 31, 32\)"),
    "short labels": (lambda i, n: (i, n[:6]), r"labels must be int64 of shape \(7,\)"),
    "int32 labels": (lambda i, n: (i, n.int()), "got torch.int32 of shape"),
}


@pytest.mark.parametrize("case", WRONG)
def test_other_shapes_and_types_are_errors(case):
    change, message = WRONG[case]
    made = random_images(7)
    with pytest.raises(ValueError, match=message):
        LabelledImages(*change(made.images, made.labels))


@pytest.mark.parametrize(
    ("size", "count"), [(1, module.PIECE_BYTES // 3), (32, module.PIECE_BYTES // 3072), (9**6, 1)]
)
def test_a_piece_has_so_many_images(size, count):
    assert module.images_in_a_piece((7, 3, size, size)) == count
    assert module.images_in_a_piece((7, 0)) == module.PIECE_BYTES
