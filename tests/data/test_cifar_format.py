import io
import os
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from image_examples import CLASSES, random_images

from lightning_cifar.data.cifar_format import (
    read_batch,
    read_classes,
    unpickle,
    write_batch,
    write_classes,
)
from lightning_cifar.errors import InputError


def written(data):
    file = io.BytesIO()
    write_batch(file, data, "training batch 1 of 5")
    return file.getvalue()


WHOLE = written(random_images(20))


class Gadget:
    """Pickled, it makes a folder when a trusting reader unpickles it."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_written_batches_are_read_back():
    data = random_images(20)
    result = read_batch(written(data), "data_batch_1")
    assert result.images.equal(data.images)
    assert result.labels.equal(data.labels)


def test_classes_are_read_back():
    file = io.BytesIO()
    write_classes(file, CLASSES, 2000)
    assert read_classes(file.getvalue()) == CLASSES
    assert pickle.loads(file.getvalue()) == {  # as the official file has it
        "label_names": list(CLASSES),
        "num_cases_per_batch": 2000,
        "num_vis": 3072,
    }


def test_rows_are_planes_of_red_green_and_blue():
    row = np.arange(3072).astype(np.uint8)
    content = pickle.dumps({"data": row[None], "labels": [3]}, protocol=4)
    image = read_batch(content, "data_batch_1").images[0]
    assert image[0, 0, :3].tolist() == [0, 1, 2]
    assert image[1, 0, 0] == 1024 % 256
    assert image[2, 1, 5] == (2048 + 32 + 5) % 256


def python_2_pickle():
    """As the official files were written: by Python 2, protocol 2, strings of bytes."""
    data = random_images(2)
    pixels = data.images.reshape(2, -1).numpy().tobytes()
    state = b"(K\x01K\x02M\x00\x0c\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    state += b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89"
    state += b"T" + len(pixels).to_bytes(4, "little") + pixels + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state
    return data, b"\x80\x02}(U\x06labels](K\x00K\x01eU\x04data" + array + b"u."


def test_pickles_of_python_2_are_read():
    data, content = python_2_pickle()
    result = read_batch(content, "data_batch_1")
    assert result.images.equal(data.images)
    assert result.labels.equal(data.labels)


def test_a_pickle_that_acts_is_refused_and_does_not_act(tmp_path):
    target = tmp_path / "made"
    content = pickle.dumps({"data": Gadget(target)})
    with pytest.raises(
        InputError, match=r"data_batch_1 is not a usable .*mkdir, which is not admit"
    ):
        unpickle(content, "data_batch_1")
    assert not target.exists()


def test_the_acting_pickle_acts_for_a_trusting_reader(tmp_path):
    target = tmp_path / "made"
    pickle.loads(pickle.dumps({"data": Gadget(target)}))
    assert target.exists()


@pytest.mark.parametrize("name", ["eval", "exec", "getattr", "__import__", "open"])
def test_builtin_functions_are_refused(name):
    content = b"cbuiltins\n" + name.encode() + b"\n(S'1'\ntR."
    with pytest.raises(InputError, match=f"builtins.{name}, which is not admitted"):
        unpickle(content, "data_batch_1")


@given(st.integers(0, len(WHOLE) - 1))
def test_truncated_batches_are_refused(length):
    with pytest.raises(InputError, match="data_batch_1 is not a usable"):
        read_batch(WHOLE[:length], "data_batch_1")


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_damaged_batches_are_refused_or_still_well_formed(offset, flip):
    damaged = bytearray(WHOLE)
    damaged[offset] ^= flip
    try:
        data = read_batch(bytes(damaged), "data_batch_1")
    except InputError:
        return
    assert len(data) == 20
    assert 0 <= int(data.labels.min()) <= int(data.labels.max()) <= 9


ROWS = np.zeros((2, 3072), dtype=np.uint8)


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        ([1, 2], "holds a list instead of a dictionary"),
        ({"labels": [0, 1]}, "'data' is not an array of uint8 with 3072 columns"),
        ({"data": ROWS[:, 1:], "labels": [0, 1]}, "'data' is not an array"),
        ({"data": ROWS.astype(np.float32), "labels": [0, 1]}, "'data' is not an array"),
        ({"data": ROWS}, "'labels' are not a list of 2"),
        ({"data": ROWS, "labels": [0]}, "'labels' are not a list of 2"),
        ({"data": ROWS, "labels": [0, 10]}, "'labels' are not all integers from 0 to 9"),
        ({"data": ROWS, "labels": [0, -1]}, "'labels' are not all integers"),
        ({"data": ROWS, "labels": [0, 1.0]}, "'labels' are not all integers"),
        ({"data": ROWS, "labels": [0, True]}, "'labels' are not all integers"),
    ],
)
def test_batches_of_another_form_are_refused(batch, reason):
    with pytest.raises(InputError, match=reason):
        read_batch(pickle.dumps(batch, protocol=4), "data_batch_1")


@pytest.mark.parametrize("names", [None, ["a"] * 10, list("abcdefghi")])
def test_class_names_of_another_form_are_refused(names):
    with pytest.raises(InputError, match="'label_names' are not a list of 10 names"):
        read_classes(pickle.dumps({"label_names": names}))
