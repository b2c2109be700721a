"""Where the parts of a folder or zip lie: in one place, under names in any case."""

import shutil

import pytest
from commands import refused, run, smoke, working_in
from image_examples import CLASSES, part_images, write_folder, write_part, zip_folder

from lightning_cifar.data.forms import load_folder
from lightning_cifar.errors import InputError


def beside(tmp_path, **parts):
    """A folder in which each of ``parts`` lies: name of a part -> folder below the top."""
    for number, (part, place) in enumerate(parts.items()):
        write_part(tmp_path / "images" / place / part.split("_")[0], 2, number)
    return tmp_path / "images"


SCATTERED = {
    "two whole sets": ({"train": "a", "test": "a", "train_": "b", "test_": "b"},
                       "a (train and test), b (train and test)"),
    "a second training part": ({"train": "a", "test": "a", "train_": "b"},
                               "a (train and test), b (train)"),
    "halves": ({"train": "a", "test": "b"}, "a (train), b (test)"),
    "one half at the top": ({"train": "", "test": "a"}, "the top (train), a (test)"),
    "validation elsewhere": ({"train": "a", "test": "a", "val": "b"},
                             "a (train and test), b (val)"),
    "validation at the top": ({"train": "a", "test": "a", "val": ""},
                              "the top (val), a (train and test)"),
}  # fmt: skip


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize(("parts", "named"), SCATTERED.values(), ids=SCATTERED)
def test_parts_in_several_places_are_not_put_together(tmp_path, form, parts, named):
    images = beside(tmp_path, **parts)
    source = images if form == "folder" else zip_folder(images, tmp_path / "images.zip")
    with pytest.raises(InputError) as caught:
        load_folder(source, tmp_path / "cache")
    unpack = "unpack it and " if form == "zip" else ""
    assert str(caught.value) == (
        f"{source} has images in several places, which are not put together: {named}; {unpack}"
        "choose one that has train and test with --data.path."
    )


def test_each_of_them_can_be_chosen(tmp_path):
    images = beside(tmp_path, train="a", test="a", train_="b", test_="b")
    for name, seed in (("a", 0), ("b", 2)):
        loaded = load_folder(images / name, tmp_path / "cache")
        assert loaded.train.images.equal(part_images(2, seed).images)


def test_one_whole_set_at_the_top_is_the_set(tmp_path):
    """What lies outside its parts is ignored, as a copy in a folder of its own."""
    images = write_folder(tmp_path / "images")
    write_folder(images / "old", seed=7)
    loaded = load_folder(images, tmp_path / "cache")
    assert loaded.train.images.equal(part_images(2, 0).images)


@pytest.mark.parametrize("name", ["train", "test"])
def test_classes_may_be_called_like_parts(tmp_path, name):
    images = write_folder(tmp_path / "images")
    for part in ("train", "test"):
        (images / part / "j").rename(images / part / name)
    assert load_folder(images, tmp_path / "cache").classes == (*CLASSES[:9], name)
    archive = zip_folder(images, tmp_path / "images.zip", "top/")
    assert load_folder(archive, tmp_path / "cache").classes == (*CLASSES[:9], name)


def test_parts_are_found_in_any_case(tmp_path):
    images = write_folder(tmp_path / "images")
    (images / "train").rename(images / "Train")
    (images / "test").rename(images / "TEST")
    assert load_folder(images, tmp_path / "cache").train.images.equal(part_images(2, 0).images)


def test_two_spellings_of_a_part_are_refused(tmp_path):
    images = write_folder(tmp_path / "images")
    shutil.copytree(images / "train", images / "Train")
    with pytest.raises(InputError, match="has the folders Train and train, and only one can hold"):
        load_folder(images, tmp_path / "cache")


def test_classes_that_differ_in_case_alone_are_two(tmp_path):
    images = write_folder(tmp_path / "images")
    for part in ("train", "test"):
        shutil.copytree(images / part / "c", images / part / "C")
    assert load_folder(images, tmp_path / "cache").classes[:2] == ("C", "a")


def test_the_command_line_refuses_in_one_line(tmp_path, monkeypatch, capsys):
    images = beside(tmp_path, train="a", test="a", train_="b", test_="b")
    with working_in(tmp_path / "work", monkeypatch):
        flags = ["--data.source=folder", f"--data.path={images}"]
        assert "a (train and test), b (train and test)" in refused(capsys, *smoke(), *flags)
        (images / "a/train/c/x.png").symlink_to("/gone/x.png")
        error = refused(capsys, *smoke(), flags[0], f"--data.path={images / 'a'}")
        assert "a/train/c/x.png is a link that points nowhere (to /gone/x.png)" in error


@pytest.mark.parametrize("path", ["", " "])
def test_an_empty_path_is_not_the_current_folder(tmp_path, monkeypatch, capsys, path):
    with working_in(tmp_path / "work", monkeypatch) as here:
        write_folder(here, train=4)
        fit = [*smoke(), "--data.source=folder", "--model.learning_rate=0.001", "--run=run"]
        error = refused(capsys, *fit, f"--data.path={path}")
        assert f"path is {path!r}, which names no folder" in error
        for option in ("--data.cache=", "--data.cache= "):
            assert "which names no folder" in refused(capsys, *fit, "--data.path=.", option)
        code, _, error = run(capsys, *fit, "--data.path=.", "--data.validation_size=10")
        assert code == 0, error
