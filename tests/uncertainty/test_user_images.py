"""A user's own pictures are decoded, whatever they are, or named."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from controls import assert_rejects
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty import user_images
from lightning_cifar.uncertainty.user_images import load_images, picture


def decode(data, size=32):
    return picture(data, size)


def encoded(picture, kind="PNG", **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def pixels_from(seed, height=32, width=32, channels=3):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (height, width, channels), dtype=np.uint8)


def keeps_pixels(decode):
    """A 32 x 32 colour picture comes out as it is, channel by channel."""

    @given(st.integers(0, 2**32 - 1))
    def check(seed):
        pixels = pixels_from(seed)
        image, note = decode(encoded(Image.fromarray(pixels)))
        assert image.shape == (3, 32, 32)
        assert image.dtype == torch.uint8
        assert torch.equal(image, torch.from_numpy(pixels).permute(2, 0, 1))
        assert note == ""

    return check


def test_pictures_of_the_right_size_are_not_touched():
    keeps_pixels(decode)()


def channels_last(data):
    image, note = decode(data)
    return image.permute(1, 2, 0).reshape(3, 32, 32), note


def blue_first(data):
    image, note = decode(data)
    return image.flip(0), note


def turned(data):
    image, note = decode(data)
    return image.mT, note


@pytest.mark.parametrize("mutant", [channels_last, blue_first, turned])
def test_other_pixel_orders_are_caught(mutant):
    assert_rejects(keeps_pixels(mutant))


@given(st.integers(1, 80), st.integers(1, 80), st.integers(0, 255))
def test_any_size_becomes_32_by_32_and_is_said_so(height, width, grey):
    image, note = decode(encoded(Image.new("RGB", (width, height), (grey, 0, 255))))
    assert image.shape == (3, 32, 32)
    # Resizing an even surface gives the same surface.
    assert (image[0] == grey).all()
    assert (image[1] == 0).all()
    assert (image[2] == 255).all()
    said = "" if height == width == 32 else f"resized from {width} x {height} to 32 x 32"
    assert note == said + (", the centre of it" if height != width else "")


@pytest.mark.parametrize(
    ("mode", "colour", "expected"),
    [
        ("1", 1, (255, 255, 255)),
        ("L", 90, (90, 90, 90)),
        ("LA", (90, 255), (90, 90, 90)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
        ("CMYK", (0, 255, 255, 0), (255, 0, 0)),
        ("I;16", 65535, (255, 255, 255)),
        ("I;16", 257, (1, 1, 1)),
        ("I", 200, (200, 200, 200)),
        ("F", 200.0, (200, 200, 200)),
    ],
    ids=lambda value: str(value),
)
def test_every_kind_of_colour_becomes_rgb(mode, colour, expected):
    kind = "TIFF" if mode in ("CMYK", "F", "I") else "PNG"
    image, _ = decode(encoded(Image.new(mode, (32, 32), colour), kind))
    assert tuple(image[:, 5, 5].tolist()) == expected


def test_a_transparent_palette_lies_on_white():
    picture = Image.new("P", (32, 32), 0)
    image, _ = decode(encoded(picture, transparency=0))
    assert (image == 255).all()


def test_a_camera_held_sideways_is_turned_upright():
    picture = Image.fromarray(pixels_from(0))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to see it upright
    image, _ = decode(encoded(picture, exif=exif))
    upright = np.rot90(pixels_from(0), k=-1).copy()
    assert torch.equal(image, torch.from_numpy(upright).permute(2, 0, 1))


# Files, folders, zips.


@pytest.fixture
def pictures(tmp_path):
    """A folder with pictures, files that are none, and hidden ones."""
    folder = tmp_path / "pictures"
    (folder / "deep").mkdir(parents=True)
    (folder / "b.png").write_bytes(encoded(Image.fromarray(pixels_from(1))))
    (folder / "a.jpg").write_bytes(encoded(Image.new("L", (64, 48), 99), "JPEG"))
    (folder / "deep" / "c.webp").write_bytes(encoded(Image.new("RGB", (32, 32)), "WEBP"))
    (folder / "cut.png").write_bytes(encoded(Image.fromarray(pixels_from(2)))[:900])
    (folder / "empty.png").write_bytes(b"")
    (folder / "notes.txt").write_text("not a picture")
    (folder / ".hidden").write_text("left by the desktop")
    return folder


def names_below(folder, names):
    return [str(Path(name).relative_to(folder)) for name in names]


def zipped(folder, path):
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, file.relative_to(folder))
        archive.writestr("__MACOSX/._b.png", b"left by the desktop")
    return path


def names_all_that_cannot_be_decoded(load, folder, prefix):
    def check():
        loaded = load([folder])
        names = ["a.jpg", "b.png", "deep/c.webp"]
        assert names_below(prefix, loaded.names) == names
        assert loaded.images.shape == (3, 3, 32, 32)
        assert torch.equal(loaded.images[1], torch.from_numpy(pixels_from(1)).permute(2, 0, 1))
        assert loaded.notes == ("resized from 64 x 48 to 32 x 32, the centre of it", "", "")
        skipped = [line.split(": cannot be read as an image")[0] for line in loaded.skipped]
        assert names_below(prefix, skipped) == ["cut.png", "empty.png", "notes.txt"]

    return check


def test_a_folder_is_predicted_but_for_what_is_named(pictures):
    names_all_that_cannot_be_decoded(load_images, pictures, pictures)()


def test_a_zip_is_its_folder(pictures, tmp_path):
    path = zipped(pictures, tmp_path / "pictures.zip")
    names_all_that_cannot_be_decoded(load_images, path, path)()


def finds_what_links_lead_to(load, folder, elsewhere):
    """Pictures behind links are found, each once however the links lead; broken ones are named."""

    def check():
        (elsewhere / "more").mkdir(parents=True)
        for name in ("d.png", "more/e.png"):
            (elsewhere / name).write_bytes(encoded(Image.fromarray(pixels_from(3))))
        for name, target in (
            ("linked", elsewhere), ("linked.png", elsewhere / "d.png"), ("loop", "."),
            ("deep/up", folder), ("gone.png", "/gone/x.png"), ("self.png", "self.png"),
        ):  # fmt: skip
            (folder / name).symlink_to(target)
        (elsewhere / "back").symlink_to(folder)
        loaded = load([folder])
        names = ["a.jpg", "b.png", "deep/c.webp", "linked/d.png", "linked/more/e.png", "linked.png"]
        assert sorted(names_below(folder, loaded.names)) == sorted(names)
        skipped = [line.split(": cannot be read as an image ") for line in loaded.skipped]
        reasons = dict(zip(names_below(folder, [each for each, _ in skipped]),
                           [reason for _, reason in skipped], strict=True))  # fmt: skip
        assert reasons.keys() == {"cut.png", "empty.png", "notes.txt", "gone.png", "self.png"}
        assert reasons["gone.png"] == "(it is a link that points nowhere (to /gone/x.png))"
        assert reasons["self.png"] == "(it is a link that leads in a circle)"

    return check


def test_links_are_followed_but_not_in_circles(pictures, tmp_path):
    finds_what_links_lead_to(load_images, pictures, tmp_path / "elsewhere")()


def test_a_search_that_does_not_follow_links_is_caught(pictures, tmp_path):
    def by_glob(paths):
        return load_images([file for file in sorted(paths[0].rglob("*")) if file.is_file()])

    assert_rejects(finds_what_links_lead_to(by_glob, pictures, tmp_path / "elsewhere"))


def test_files_that_vanish_silently_are_caught(pictures):
    def silent(paths):
        loaded = load_images(paths)
        return user_images.UserImages(loaded.images, loaded.names, loaded.notes, ())

    assert_rejects(names_all_that_cannot_be_decoded(silent, pictures, pictures))


def test_reasons_fit_on_a_line(pictures):
    for line in load_images([pictures]).skipped:
        assert "\n" not in line
        assert "BytesIO" not in line
    assert "unknown format" in load_images([pictures]).skipped[-1]


def test_paths_keep_their_order(pictures):
    paths = [pictures / "b.png", pictures / "a.jpg", pictures / "b.png"]
    assert load_images(paths).names == tuple(map(str, paths))


def test_nothing_to_predict_is_refused(pictures, tmp_path):
    with pytest.raises(InputError, match=r"absent.png does not exist"):
        load_images([pictures, tmp_path / "absent.png"])
    with pytest.raises(InputError, match=r"notes.txt: cannot be read as an image"):
        load_images([pictures / "notes.txt"])
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match=r"no files found in .*nothing"):
        load_images([tmp_path / "nothing"])


def test_damaged_zips_name_their_members(pictures, tmp_path):
    path = tmp_path / "damaged.zip"
    data = bytearray(zipped(pictures, path).read_bytes())
    start = data.index(encoded(Image.fromarray(pixels_from(1)))[:40])
    data[start + 500] ^= 1
    path.write_bytes(data)
    loaded = load_images([path])
    assert names_below(path, loaded.names) == ["a.jpg", "deep/c.webp"]
    assert any("b.png: cannot be read as an image (Bad CRC" in line for line in loaded.skipped)


def test_huge_files_and_huge_pictures_are_named(pictures, tmp_path, monkeypatch):
    path = zipped(pictures, tmp_path / "pictures.zip")
    monkeypatch.setattr(user_images, "LARGEST_BYTES", 2000)
    for place in (pictures, path):
        skipped = load_images([place]).skipped
        assert any("b.png" in line and "more than the 2,000 allowed" in line for line in skipped)
    monkeypatch.setattr(user_images, "LARGEST_BYTES", 1 << 20)
    for limit in (1200, 2000):  # more than double the limit is Pillow's error, else its warning
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        skipped = load_images([pictures]).skipped
        assert any("a.jpg" in line and "exceeds limit" in line for line in skipped)


@given(st.binary(max_size=300))
def test_no_bytes_escape_as_an_error(data):
    with pytest.MonkeyPatch.context() as patch:
        files = [("x", lambda most: data), ("ok", lambda most: GOOD)]
        patch.setattr(user_images, "files_at", lambda paths: iter(files))
        loaded = load_images([])
    assert loaded.names[-1] == "ok"


GOOD = encoded(Image.new("RGB", (32, 32)))
