"""One rule, in training and prediction, for what lies in a folder or zip beside the images."""

import os
import stat
import zipfile

import numpy as np
import pytest
import torch
from controls import assert_rejects
from image_examples import (
    CLASSES,
    part_images,
    random_images,
    renamed_zip,
    write_folder,
    write_image,
    zip_folder,
    zip_named,
)
from PIL import Image

from lightning_cifar.data import containers
from lightning_cifar.data.containers import shown, walk
from lightning_cifar.data.forms import load_folder
from lightning_cifar.errors import InputError
from lightning_cifar.uncertainty.user_images import load_images

LEFT = [
    *("thumbs.db", "Thumbs.db", "THUMBS.DB", "Desktop.ini", "DESKTOP.INI", "ehthumbs.db"),
    *(".DS_Store", "._0.png", ".directory", ".AppleDouble/0.png", "Icon\r"),
    *("__MACOSX/._0.png", "__macosx/0.png", "@eaDir/0.png", "@EADIR/0.png@SynoEAStream"),
    *("#recycle/0.png", "@Recycle/0.png", "#snapshot/0.png", "$RECYCLE.BIN/0.png"),
    *("System Volume Information/0.png", "lost+found/0.png", "0.png:Zone.Identifier"),
]
# Like those above, but put there by a person.
KEPT = ["thumbs.db.png", "desktop.png", "eaDir/0.png", "recycle/0.png", "lost/0.png", "0.png.png"]


@pytest.fixture
def images(tmp_path):
    """A folder of 20 training and 10 test images."""
    return write_folder(tmp_path / "images")


@pytest.fixture
def pictures(tmp_path):
    """A folder with one picture."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    write_image(folder / "good.png", random_images(1).images[0])
    return folder


def has_the_images(result):
    """The images of ``images`` are there, each once."""
    assert result.classes == CLASSES
    assert result.train.images.equal(part_images(2, 0).images)
    assert result.test.images.equal(part_images(1, 1).images)


def put(name, content, *places):
    for place in places:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(content)


def as_form(form, folder):
    return zip_folder(folder, folder.with_suffix(".zip")) if form == "zip" else folder


def passes_over(names, form, images, pictures, cache):
    """Files of these names change neither what is trained on nor what is predicted."""

    def check():
        for name in names:
            put(name, b"left", images, images / "train", images / "train/a", pictures)
        loaded = load_images([as_form(form, pictures)])
        assert [name.rpartition("/")[2] for name in loaded.names] == ["good.png"]
        assert loaded.skipped == ()
        try:
            has_the_images(load_folder(as_form(form, images), cache))
        except InputError as error:
            raise AssertionError(str(error)) from error

    return check


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_what_systems_leave_is_passed_over_in_any_spelling(images, pictures, tmp_path, form):
    passes_over(LEFT, form, images, pictures, tmp_path / "cache")()


@pytest.mark.parametrize("name", KEPT)
def test_names_like_theirs_are_seen(images, pictures, tmp_path, name):
    assert_rejects(passes_over([name], "folder", images, pictures, tmp_path / "cache"))


def test_rule_of_an_exact_spelling_is_caught(images, pictures, tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "is_left_by_system", {"Thumbs.db", "__MACOSX"}.__contains__)
    assert_rejects(passes_over(LEFT, "folder", images, pictures, tmp_path / "cache"))


# Links.


def linked(place, name, target):
    (place / name).symlink_to(target)


@pytest.mark.parametrize("name", ["train/c/x.png", "train/x", "valid", "beside"])
@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("/gone/x.png", r"is a link that points nowhere \(to /gone/x.png\); mend or remove it"),
        ("itself", "is a link that leads in a circle; mend or remove it"),
        (".", "is a link that leads in a circle; mend or remove it"),
    ],
)
def test_links_to_nothing_are_named(images, tmp_path, name, target, reason):
    linked(images, name, name.rpartition("/")[2] if target == "itself" else target)
    with pytest.raises(InputError, match=f"images/{name} {reason}"):
        load_folder(images, tmp_path / "cache")


def test_link_that_breaks_after_a_first_start_is_named(images, tmp_path):
    (tmp_path / "x.png").write_bytes((images / "train/c/0.png").read_bytes())
    linked(images, "train/c/x.png", tmp_path / "x.png")
    load_folder(images, tmp_path / "cache")
    (tmp_path / "x.png").unlink()
    with pytest.raises(InputError, match=r"train/c/x.png is a link that points nowhere"):
        load_folder(images, tmp_path / "cache")


def test_a_path_that_is_such_a_link_is_named(tmp_path):
    linked(tmp_path, "nowhere", "/gone")
    linked(tmp_path, "circle", "circle")
    for name, reason in (("nowhere", r"points nowhere \(to /gone\)"), ("circle", "in a circle")):
        for load in (lambda path: load_folder(path, tmp_path), lambda path: load_images([path])):
            with pytest.raises(InputError, match=f"{name} is a link that .*{reason}; give "):
                load(tmp_path / name)


def test_links_are_followed(images, tmp_path):
    (tmp_path / "linked").mkdir()
    for part in ("train", "test"):
        linked(tmp_path / "linked", part, images / part)
    has_the_images(load_folder(tmp_path / "linked", tmp_path / "cache"))


@pytest.mark.parametrize("load", [lambda path: load_folder(path, path / "c"), load_images])
def test_what_cannot_be_searched_is_not_blamed_on_the_cache(images, monkeypatch, load):
    scan = os.scandir

    def refuse(folder):
        if str(folder).endswith("train/c"):
            raise PermissionError(13, "Permission denied", str(folder))
        return scan(folder)

    monkeypatch.setattr(os, "scandir", refuse)
    if load is load_images:
        assert "train/c: " in load([images]).skipped[0]
        assert "it cannot be searched (Permission denied)" in load([images]).skipped[0]
    else:
        with pytest.raises(InputError, match=r"train/c cannot be searched \(Permission denied\)"):
            load(images)


def test_a_source_that_cannot_be_read_is_not_blamed_on_the_cache(tmp_path):
    with pytest.raises(InputError, match=r"x cannot be read \(File name too long\); give a folder"):
        load_folder(tmp_path / ("x" * 300), tmp_path)
    with pytest.raises(InputError, match="/dev/null is neither a file nor a folder; give"):
        load_folder(tmp_path / "/dev/null", tmp_path)


def test_pipes_are_named_and_nobody_waits_for_them(images, tmp_path):
    os.mkfifo(images / "train/c/x.png")
    with pytest.raises(
        InputError, match=r"x.png is neither a file nor a folder; mend or remove it"
    ):
        load_folder(images, tmp_path / "cache")
    loaded = load_images([images])
    assert len(loaded.names) == 30
    assert "it is neither a file nor a folder" in loaded.skipped[0]


def test_each_thing_is_found_once_in_spite_of_loops(tmp_path):
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/file").write_text("x")
    linked(tmp_path, "again", "a")
    linked(tmp_path / "a/b", "up", tmp_path)
    found = sorted((entry.name, entry.problem) for entry in walk(tmp_path))
    circle = "is a link that leads in a circle"
    assert found == [
        *[("a/", ""), ("a/b/", ""), ("a/b/file", ""), ("a/b/up/", circle)],
        *[("again/", ""), ("again/b/", ""), ("again/b/file", ""), ("again/b/up/", circle)],
    ]


# Names in zips.


def backslashes(name):
    return name.replace("/", "\\")


SPELLINGS = {
    "backslashes": backslashes,
    "a folder at the top and backslashes": lambda name: backslashes(f"images/{name}"),
    "a dot before": lambda name: f"./{name}",
    "a dot and backslashes": lambda name: f".\\{backslashes(name)}",
    "absolute": lambda name: f"/{name}",
    "absolute on a drive": lambda name: f"C:\\{backslashes(name)}",
    "slashes twice": lambda name: name.replace("/", "//"),
}


@pytest.mark.parametrize("rename", SPELLINGS.values(), ids=SPELLINGS)
def test_zips_of_other_programs_are_read(images, tmp_path, rename):
    archive = renamed_zip(images, tmp_path / "images.zip", rename)
    has_the_images(load_folder(archive, tmp_path / "cache"))
    plain = load_images([zip_folder(images, tmp_path / "plain.zip")])
    loaded = load_images([archive])
    assert loaded.skipped == ()
    assert loaded.images.equal(plain.images)


def test_folders_of_such_zips_are_no_files(images, tmp_path):
    archive = renamed_zip(images, tmp_path / "images.zip", backslashes)
    with zipfile.ZipFile(archive, "a") as opened:
        for name in ("train\\", "train\\a\\", "pictures\\"):
            opened.writestr(name, b"")
    has_the_images(load_folder(archive, tmp_path / "cache"))
    assert load_images([archive]).skipped == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("train/a/../../../x.png", "/train/a/../../../x.png leads out of the archive"),
        ("..\\x.png", r"/\.\./x.png leads out of the archive"),
        ("train/a/0.png", "/train/a/0.png is there twice"),
        ("train\\a\\0.png", "/train/a/0.png is there twice"),
        ("/train/a/0.png", "/train/a/0.png is there twice"),
    ],
)
def test_names_that_nothing_can_be_made_of_are_named(images, tmp_path, name, reason):
    files = sorted(images.rglob("*.png"))
    contents = [(file.relative_to(images).as_posix(), file.read_bytes()) for file in files]
    archive = zip_named(tmp_path / "images.zip", [*contents, (name, contents[0][1])])
    with pytest.raises(InputError, match=f"images.zip{reason}; pack the zip without it"):
        load_folder(archive, tmp_path / "cache")
    loaded = load_images([archive])
    assert len(loaded.names) == (29 if "twice" in reason else 30)
    assert len(loaded.skipped) == 1
    assert "it leads out" in loaded.skipped[0] or "it is there twice" in loaded.skipped[0]


def test_links_in_zips_are_named(images, tmp_path):
    archive = renamed_zip(images, tmp_path / "images.zip", lambda name: name)
    link = zipfile.ZipInfo("train/c/x.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "a") as opened:
        opened.writestr(link, "0.png")
    with pytest.raises(InputError, match=r"x.png is a link without what it leads to; pack the"):
        load_folder(archive, tmp_path / "cache")
    loaded = load_images([archive])
    assert len(loaded.names) == 30
    assert "x.png: cannot be read as an image (it is a link without" in loaded.skipped[0]


def test_a_zip_whose_end_is_damaged_is_named(tmp_path):
    end = b"PK\5\6" + bytes(4) + b"\5\0\5\0" + b"\x64\0\0\0" + bytes(6)
    (tmp_path / "images.zip").write_bytes(bytes(100) + end)
    for load in (lambda path: load_folder(path, tmp_path), lambda path: load_images([path])):
        with pytest.raises(InputError, match=r"images.zip is not a zip, or a truncated one"):
            load(tmp_path / "images.zip")


# Names in messages.


def test_messages_keep_to_their_line(images, tmp_path):
    (images / "train/a/two\nlines\udcff.txt").write_bytes(b"x")
    with pytest.raises(InputError) as caught:
        load_folder(images, tmp_path / "cache")
    assert r"train/a/two\nlines\udcff.txt in " in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    loaded = load_images([images])
    assert any(r"two\nlines\udcff.txt: cannot be read" in line for line in loaded.skipped)


@pytest.mark.parametrize("name", ["ü", "🐈‍⬛ $x$", "a b", 'q"uote', "日本"])
def test_what_can_be_shown_is_shown_as_it_is(name):
    assert shown(name) == name


def test_what_turns_the_direction_of_writing_is_escaped():
    assert shown("cat\u202egnp.exe") == r"cat\u202egnp.exe"


def test_any_name_is_read_in_training_and_prediction(images, tmp_path):
    for number, name in enumerate(
        ("a\nb.png", "x\udcff.png", "ü 🐈‍⬛ $x$,.PNG", " .png", "a..png")
    ):
        (images / "train" / "abcde"[number] / "0.png").rename(images / "train/j" / name)
    loaded = load_folder(images, tmp_path / "cache")
    assert loaded.train.labels.bincount().tolist() == [1, 1, 1, 1, 1, 2, 2, 2, 2, 7]


# How an image is turned.


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_training_and_prediction_turn_an_image_alike(images, tmp_path, orientation, kind):
    path = images / "train/a" / f"0.{kind.lower()}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = Image.open(images / "train/a/0.png")
    picture.load()
    (images / "train/a/0.png").unlink()
    picture.save(path, kind, exif=exif)
    trained = load_folder(images, tmp_path / "cache").train.images[0]
    assert trained.equal(load_images([path]).images[0])
    if kind == "PNG":
        stored = torch.from_numpy(np.array(picture)).permute(2, 0, 1)
        assert trained.equal(stored) == (orientation == 1)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("notes", [b"no notes of a camera", b"Exif\0\0II*\0", b"Exif\0\0"])
def test_damaged_notes_of_a_camera_change_nothing(images, tmp_path, notes):
    path = images / "train/a/0.png"
    picture = Image.open(path)
    picture.load()
    picture.save(path, "PNG", exif=notes)
    has_the_images(load_folder(images, tmp_path / "cache"))
    assert load_images([path]).images[0].equal(part_images(2, 0).images[0])


def test_entries_of_a_zip_are_zipped_as_they_are_given(tmp_path):
    archive = zip_named(tmp_path / "x.zip", [("a\\b", b"1"), ("a\\b", b"2"), ("../c", b"3")])
    with zipfile.ZipFile(archive) as opened:
        assert opened.namelist() == ["a\\b", "a\\b", "../c"]
