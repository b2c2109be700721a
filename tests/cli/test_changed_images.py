"""A run and images that are not those it was trained with: refused, or said in a line."""

import shutil

import pytest
from commands import run, smoke, working_in
from image_forms import drawn
from PIL import Image

from lightning_cifar.__main__ import main

CLASSES = ("10", "2", "cat")


def write_pictures(folder, classes, count=12, seed=0):
    """As many pictures of each class, in a folder for each."""
    images, labels = drawn(count, 1, len(classes), (8, 8), seed)["train"]
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        place = folder / classes[label]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{seed}-{number}.png")
    return folder


def write_parts(folder, classes, **options):
    """A set with a test folder of its own."""
    for part, seed in (("train", 1), ("test", 2)):
        write_pictures(folder / part, classes, seed=seed, **options)
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two runs on class folders alone (``flat``), and one on a set with a test folder."""
    folder = tmp_path_factory.mktemp("changed")
    write_pictures(folder / "flat", CLASSES)
    write_parts(folder / "parts", CLASSES)
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        for name, path, variant in (
            ("a", "flat", "alpha_dropout"),
            ("b", "flat", "elu"),
            ("c", "parts", "alpha_dropout"),
        ):
            data = ["--data.source=folder", f"--data.path={path}", "--data.image_size=8"]
            assert main([*smoke(variant), *data, "--run", name]) == 0
    return folder


@pytest.fixture
def cwd(made, monkeypatch):
    """The runs; their pictures are as they were when a test begins."""
    before = shutil.copytree(made / "flat", made / "before")
    with working_in(made, monkeypatch) as folder:
        yield folder
    shutil.rmtree(made / "flat")
    before.rename(made / "flat")
    for path in ("elsewhere", "grown"):
        shutil.rmtree(made / path, ignore_errors=True)


RENAMED = "trained to call class 2 'cat', and the images call it 'dog'"
FEWER = "tells 3 classes apart (10, 2, cat), and the images have 2 (10, 2)"
JUDGES = {
    "test": ["test", "--run=c"],
    "validate": ["validate", "--run=c"],
    "ensemble": ["test", "--run=a", "--run=b"],
}


@pytest.mark.parametrize("command", JUDGES)
def test_images_of_other_classes_are_refused(cwd, capsys, command):
    path = write_parts(cwd / "elsewhere", ("10", "2", "dog"))
    assert RENAMED in last_line(capsys, *JUDGES[command], "--data.path", path)


def test_an_ensemble_refuses_images_of_fewer_classes(cwd, capsys):
    path = write_parts(cwd / "elsewhere", ("10", "2"))
    assert FEWER in last_line(capsys, *JUDGES["ensemble"], "--data.path", path)


DRAWN = {
    "test": ["test", "--run=a"],
    "validate": ["validate", "--run=a"],
    "ensemble": ["test", "--run=a", "--run=b"],
}


@pytest.mark.parametrize("command", DRAWN)
def test_images_drawn_from_a_folder_that_has_grown_are_refused(cwd, capsys, command):
    code, _, error = run(capsys, *DRAWN[command])
    assert code == 0
    assert "trained" not in error  # the control
    write_pictures(cwd / "flat", CLASSES, count=3, seed=5)
    message = "have changed since a was trained with them"
    assert message in last_line(capsys, *DRAWN[command])


def test_a_run_is_not_continued_with_other_images(cwd, capsys):
    longer = ["fit", "--run=b", "--resume", "--trainer.max_epochs"]
    assert run(capsys, *longer, "2")[0] == 0  # the control
    first, second = (sorted((cwd / "flat" / name).iterdir())[0] for name in CLASSES[:2])
    first.rename(second.parent / first.name)  # relabelled
    before = (cwd / "b/last.ckpt").read_bytes(), (cwd / "b/record.json").read_bytes()
    assert "the images have changed since b was started" in last_line(capsys, *longer, "3")
    assert before == ((cwd / "b/last.ckpt").read_bytes(), (cwd / "b/record.json").read_bytes())


OTHERS = "the images are not those that {} was trained with"


def test_other_images_with_a_test_folder_judge_a_run_and_a_line_says_so(cwd, capsys):
    path = write_parts(cwd / "elsewhere", CLASSES, count=5)
    code, _, error = run(capsys, "test", "--run=a", "--data.path", path)
    assert code == 0
    assert OTHERS.format("a") in error
    moved = shutil.copytree(cwd / "flat", cwd / "grown")  # the same images: the control
    code, _, error = run(capsys, "test", "--run=a", "--data.path", moved)
    assert code == 0
    assert OTHERS.format("a") not in error


SPLIT = "divided off in another way than {} had them"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["validate", "--data.split_seed=7"], True),
        (["validate", "--data.validation_size=5"], True),
        (["validate", "--data.validation_size=3"], False),  # one in ten of 30
        (["test", "--mc_samples=2", "--data.split_seed=7"], True),  # fits a temperature on them
        (["test", "--data.split_seed=7"], False),
    ],
)
def test_validation_images_that_trained_a_run_are_said_to_be_such(cwd, capsys, options, said):
    code, _, error = run(capsys, *options, "--run=a")
    assert code == 0
    assert (SPLIT.format("a") in error) is said


def test_the_rule_of_selection_is_said_of_the_kept_weights_alone(cwd, capsys):
    rule = "weights of epoch"
    assert rule in run(capsys, "test", "--run=c")[1]
    assert rule not in run(capsys, "test", "--run=c", "--ckpt_path=a/best.ckpt")[1]


def last_line(capsys, *arguments):
    """The refusal of a command, after what was said of the images."""
    code, out, error = run(capsys, *arguments)
    assert (code, out) == (2, "")
    return error.splitlines()[-1]
