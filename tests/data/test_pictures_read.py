"""Pictures on their way from a file to pixels: sizes, labels, notes, bars, and whole messages."""

import io

import numpy as np
import pytest
import torch
from files_in_memory import files_of, refusal
from image_examples import encoded
from PIL import Image

from lightning_cifar.data import decoding, picture_files
from lightning_cifar.data.decoding import decode_all, decode_chunk, decode_file, tasks
from lightning_cifar.data.picture_files import decoded_set, read_files
from lightning_cifar.data.pictures import decode, fitted, in_colour, reason, resize_note
from lightning_cifar.data.reading import UNKNOWN, About, Entry, Files, Reading, parsing
from lightning_cifar.errors import InputError

SKIP = "replace or remove it, or leave such files out with --data.skip_unreadable=true."
NO_IMAGE = f"cannot be read as an image (unknown format); {SKIP}"
SKIPPING = Reading(skip_unreadable=True)


def sized(width, height, grey=0):
    file = io.BytesIO()
    Image.new("RGB", (width, height), (grey,) * 3).save(file, "PNG")
    return file.getvalue()


# One picture.


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (EOFError(), "EOFError"),
        (OSError("cannot identify image file <_io.BytesIO>"), "unknown format"),
    ],
)
def test_the_reason_of_an_error_is_one_line(error, said):
    assert reason(error) == said


@pytest.mark.parametrize(
    ("extent", "note"),
    [
        ((8, 8), ""),
        ((9, 9), "resized from 9 x 9 to 8 x 8"),
        ((9, 8), "resized from 9 x 8 to 8 x 8, the centre of it"),
        ((8, 9), "resized from 8 x 9 to 8 x 8, the centre of it"),
    ],
)
def test_a_resized_picture_has_a_note(extent, note):
    assert resize_note(extent, 8) == note


def test_a_picture_that_is_none_is_named():
    assert refusal(decode_file, "a.png", b"none", 8) == f"a.png {NO_IMAGE}"
    given = InputError("it is gone")
    assert refusal(decode_file, "a.png", given, 8) == "it is gone"


def test_a_picture_tells_its_size():
    pixels, extent = decode(sized(20, 10, 7), 8)
    assert extent == (20, 10)
    assert pixels.shape == (8, 8, 3)
    assert (pixels == 7).all()


def test_a_picture_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 150)
    assert refusal(decode_file, "a", sized(20, 10), 8) == (
        "a cannot be read as an image (Image size (200 pixels) exceeds limit of 150 pixels, could "
        f"be decompression bomb DOS attack.); {SKIP}"
    )


@pytest.mark.parametrize(("width", "height"), [(7, 4), (4, 7), (5, 4)])
def test_the_middle_is_cut_out(width, height):
    picture = Image.fromarray(
        np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    )
    box = ((width - 4) / 2, (height - 4) / 2, (width + 4) / 2, (height + 4) / 2)
    expected = picture.resize((9, 9), Image.Resampling.LANCZOS, box=box)
    assert np.array_equal(fitted(picture, 9), np.asarray(expected))


def grey_of(values, kind):
    return np.asarray(in_colour(Image.fromarray(np.array([values], kind))))[0].tolist()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        ([0, 257, 65535, 300], np.uint16, [0, 1, 255, 1]),
        ([0, 128, 255, 3], np.uint16, [0, 0, 1, 0]),
        ([0, 128, 255, 3], np.int32, [0, 128, 255, 3]),
        ([-5, 128, 256, 65535], np.int32, [0, 0, 1, 255]),
        ([0.4, 127.6, 255, 1], np.float32, [0, 128, 255, 1]),
        ([0, 1, 70000, 65535], np.float32, [0, 0, 255, 255]),
    ],
)
def test_deep_pictures_are_scaled_to_eight_bits(values, kind, expected):
    assert grey_of(values, kind) == [[value] * 3 for value in expected]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0, 0.5, 1], "are fractions up to 1, and 255 is white"),
        ([-1, 0.25, 0.5], "are fractions up to 0.5, and 255 is white"),
        ([0, np.nan, 255], "no finite numbers"),
        ([0, np.inf, 255], "no finite numbers"),
    ],
)
def test_fractions_are_no_black_pictures(values, message):
    with pytest.raises(ValueError, match=message):
        grey_of(values, np.float32)
    assert grey_of([0, 0, 0], np.float32) == [[0] * 3] * 3  # black in any scale
    assert grey_of([0, 1, 2], np.float32)[1] == [1] * 3  # the control


def deep_grey(level, most):
    """A PGM of 16 bits, all of one level out of so many."""
    return b"P5\n8 8\n%d\n" % most + np.full((8, 8), level, ">u2").tobytes()


@pytest.mark.parametrize(
    ("level", "most", "grey"), [(200, 65535, 1), (0, 65535, 0), (60000, 65535, 233), (1, 1023, 0)]
)
def test_a_dark_picture_of_16_bits_is_as_dark_as_the_others(level, most, grey):
    assert (decode(deep_grey(level, most), 8)[0] == grey).all()
    with Image.open(io.BytesIO(deep_grey(level, most))) as image:
        assert image.mode == "I"
        # Control: the levels alone do not tell 16 bits from 8.
        assert (np.asarray(in_colour(image)) == grey).all() == (level not in (1, 200))


def test_what_is_transparent_is_white():
    picture = Image.new("RGBA", (2, 1), (10, 20, 30, 255))
    picture.putpixel((1, 0), (10, 20, 30, 0))
    assert np.asarray(in_colour(picture)).tolist() == [[[10, 20, 30], [255] * 3]]
    plain = Image.new("RGB", (1, 1), (10, 20, 30))
    assert in_colour(plain) is plain
    plain.info["transparency"] = (10, 20, 30)
    assert np.asarray(in_colour(plain)).tolist() == [[[255] * 3]]


# Several.


def test_files_are_decoded_in_tasks(monkeypatch):
    monkeypatch.setattr(decoding, "FILES_PER_TASK", 3)
    assert list(tasks(iter("abcdefg"))) == [list("abc"), list("def"), ["g"]]
    assert list(tasks([])) == []


def test_a_chunk_counts_sizes_and_problems():
    files = [("a", sized(9, 8, 1)), ("b", b"x"), ("c", sized(9, 8, 2)), ("d", InputError("gone"))]
    found = decode_chunk([*files, ("e", sized(8, 8, 3))], 8, True)
    assert found.pixels[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert found.pixels.shape == (3, 3, 8, 8)
    assert found.pixels.flags.c_contiguous
    assert found.problems == {1: f"b {NO_IMAGE}", 3: "gone"}
    assert found.sizes == {(9, 8): 2, (8, 8): 1}
    assert refusal(decode_chunk, files, 8, False) == f"b {NO_IMAGE}"


def test_a_chunk_of_which_nothing_is_left_has_no_pixels():
    found = decode_chunk([("b", b"x")], 8, True)
    assert found.pixels.shape == (0, 3, 8, 8)
    assert found.pixels.dtype == np.uint8


def test_pictures_are_brought_to_32_pixels_and_refused_by_default():
    (found,) = decode_all([("a", sized(40, 40))])
    assert found.pixels.shape == (1, 3, 32, 32)
    assert refusal(list, decode_all([("a", b"x")])) == f"a {NO_IMAGE}"


class Bars:
    """Stands for tqdm; notes how each bar is made and how far it goes."""

    def __init__(self):
        self.made, self.done = [], []

    def __call__(self, **options):
        self.made.append(options)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def update(self, count):
        self.done.append(count)


def test_labels_notes_and_bars_follow_the_pictures(monkeypatch):
    bars = Bars()
    monkeypatch.setattr(picture_files, "tqdm", bars)
    monkeypatch.setattr(decoding, "FILES_PER_TASK", 2)
    train = [("a", encoded(1)), ("b", b"x"), ("c", sized(9, 8, 2)), ("d", sized(9, 8, 3))]
    given = {"train": (train, [0, 1, 0, 1]), "test": ([("e", encoded(4))], [1])}
    found = decoded_set(("x", "y"), given, files_of({}), SKIPPING, ["before"])
    assert found.classes == ("x", "y")
    assert found.parts["train"].images[:, 0, 0, 0].tolist() == [1, 2, 3]
    assert found.parts["train"].labels.tolist() == [0, 0, 1]
    assert found.parts["test"].labels.equal(torch.tensor([1]))
    assert found.about == About(
        notes=("before", "2 of 3 train images were resized to 32x32, the centre of each"),
        skipped=(f"b {NO_IMAGE}",),
        sizes={"32x32": 2, "9x8": 2},
    )
    assert bars.made == [
        {"total": total, "unit": "image", "desc": f"decoding {part}", "disable": None}
        for part, total in (("train", 4), ("test", 1))
    ]
    assert bars.done == [2, 2, 1]


def test_without_notes_nothing_is_noted():
    found = decoded_set(("x",), {"train": ([("a", encoded(1))], [0])}, files_of({}), Reading())
    assert found.about == About(sizes={"32x32": 1})


# Files.


def test_a_file_is_read_up_to_its_bound():
    files = files_of({"a/b": b"12345"})
    assert files.content("a/b", 5) == files.content("a/b") == b"12345"
    assert refusal(files.content, "a/b", 4) == (
        "x.zip/a/b has more than 4 bytes, which is more than is read; replace or remove it."
    )
    big = files_of({"a\n": bytes(2000)})
    assert refusal(big.content, "a\n", 1999) == (
        r"x.zip/a\n has more than 1,999 bytes, which is more than is read; replace or remove it."
    )


@pytest.mark.parametrize(
    ("error", "said"), [(OSError("broken"), "broken"), (EOFError(), "EOFError")]
)
def test_a_file_that_fails_is_named(error, said):
    def fail(name, most):
        raise error

    files = Files("x.zip", [], fail)
    assert refusal(files.content, "a") == (
        f"x.zip/a cannot be read ({said}); replace or remove it."
    )


def test_a_picture_as_large_as_no_picture_is_skipped_or_refused(monkeypatch):
    monkeypatch.setattr(picture_files, "LARGEST_BYTES", 3)
    files = files_of({"a": b"123", "b": b"1234"})
    large = "x.zip/b has more than 3 bytes, which is more than is read; replace or remove it."
    assert refusal(list, read_files(["a", "b"], files, Reading())) == large
    (title, content), (other, error) = read_files(["a", "b"], files, SKIPPING)
    assert (title, content, other, str(error)) == ("x.zip/a", b"123", "x.zip/b", large)


def test_files_know_their_folders(tmp_path):
    files = Files(tmp_path, [Entry("b/2"), Entry("b/"), Entry("a"), Entry("b/c/1")], None)
    assert files.names == ["a", "b/2", "b/c/1"]
    assert files.folders == {"": ["a"], "b/": ["2"], "b/c/": ["1"]}
    assert files.path("a") == tmp_path / "a"
    assert files_of({}).path("a") is None
    assert files.room is None


@pytest.mark.parametrize(
    ("reading", "key"),
    [
        (Reading(), ""),
        (Reading(16), "-16px"),
        (Reading(labels="coarse"), "-coarse"),
        (SKIPPING, "-skipping"),
        (Reading(64, "coarse", True), "-64px-coarse-skipping"),
    ],
)
def test_what_decides_the_pixels_is_in_the_key(reading, key):
    assert reading.key == key


def test_nothing_is_known_by_default():
    assert About() == UNKNOWN == About("", False, (), (), {})
    assert Reading() == Reading(32, "fine", False)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ValueError("two\n lines"), "a is no usable table (two lines); replace it."),
        (EOFError(), "a is no usable table (EOFError); replace it."),
        (ValueError("x" * 300), f"a is no usable table ({'x' * 200}); replace it."),
        (InputError("as it is"), "as it is"),
    ],
)
def test_whatever_fails_in_a_file_is_its_fault(error, message):
    def fail():
        with parsing("a", "table"):
            raise error

    assert refusal(fail) == message
