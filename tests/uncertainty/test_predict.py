"""``predict``, ``export`` and Monte Carlo dropout through the command line."""

import csv
import io
import json
import re

import pytest
from commands import files_in, refused, run, smoke, working_in
from controls import assert_rejects
from image_examples import random_images, renamed_zip, write_image
from processes import ended

from lightning_cifar.__main__ import main


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with smoke runs of ``elu`` and ``alpha_dropout``."""
    folder = tmp_path_factory.mktemp("trained") / "work"
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        for variant in ("elu", "alpha_dropout"):
            assert main([*smoke(variant), "--run", variant]) == 0
    return folder


@pytest.fixture(autouse=True)
def cwd(runs, tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(runs.parent / "cache"))
    with working_in(tmp_path / "empty", monkeypatch) as folder:
        monkeypatch.setenv("XDG_CACHE_HOME", str(runs.parent / "cache"))
        yield folder


@pytest.fixture
def pictures(tmp_path):
    """Three images, and a file between them that is none."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number, pixels in enumerate(random_images(3).images):
        write_image(folder / f"{number}.png", pixels)
    (folder / "0_broken.png").write_bytes(b"no picture")
    return folder


@pytest.mark.parametrize("command", ["test", "validate"])
def test_samples_are_compared_and_kept(runs, cwd, capsys, command):
    stage = {"validate": "val", "test": "test"}[command]
    code, out, error = run(capsys, command, "--run", runs / "alpha_dropout", "--mc_samples=20")
    assert (code, error) == (0, "")
    assert re.search(r"^60 images; 20 Monte Carlo samples" if stage == "test" else "^30", out, re.M)
    assert "Differences, with the 95 % interval of a paired bootstrap over the images" in out
    record = json.loads((runs / "alpha_dropout" / f"uncertainty_{stage}.json").read_text())
    assert [each["samples"] for each in record["by_count"]] == [1, 2, 5, 10, 20]
    assert (runs / "alpha_dropout" / f"samples_{stage}.png").stat().st_size > 0


@pytest.mark.parametrize("samples", [None, 20])
def test_pictures_are_predicted_and_others_named(runs, pictures, capsys, samples):
    flags = [] if samples is None else [f"--mc_samples={samples}"]
    sheet = pictures.parent / "sheet.png"
    names_the_broken_one(capsys, main, runs, pictures, [*flags, "--contact_sheet", sheet])()
    assert sheet.stat().st_size > 0


def names_the_broken_one(capsys, command, runs, pictures, flags):
    """The others are predicted, the broken one is named, and the exit code says so."""

    def check():
        rows = {}
        for kind in ("csv", "json", "table"):
            arguments = ["predict", "--run", runs / "alpha_dropout", pictures, f"--format={kind}"]
            capsys.readouterr()
            code = command([str(each) for each in [*arguments, *flags]])
            printed = capsys.readouterr()
            assert code == 1
            assert re.fullmatch(r"lightning-cifar: skipped .*0_broken.png: .*\n", printed.err)
            rows[kind] = printed.out
        assert len(list(csv.DictReader(io.StringIO(rows["csv"])))) == 3
        assert len(json.loads(rows["json"])) == 3
        assert all(f"{number}.png" in rows["table"] for number in range(3))

    return check


def test_control_a_success_in_spite_of_a_broken_picture(runs, pictures, capsys):
    def hopeful(arguments):
        main(arguments)
        return 0

    assert_rejects(names_the_broken_one(capsys, hopeful, runs, pictures, []))


def rows_of(capsys, runs, path):
    """Exit code, names of the predicted images below ``path``, and what was said."""
    code, out, error = run(capsys, "predict", "--run", runs / "elu", path, "--format=csv")
    names = [row["name"].removeprefix(f"{path}/") for row in csv.DictReader(io.StringIO(out))]
    return code, names, error


def test_linked_folders_are_searched(runs, pictures, tmp_path, capsys):
    (pictures / "0_broken.png").unlink()
    (tmp_path / "elsewhere").mkdir()
    write_image(tmp_path / "elsewhere/3.png", random_images(4).images[3])
    (pictures / "linked").symlink_to(tmp_path / "elsewhere")
    (pictures / "loop").symlink_to(pictures)
    names = ["0.png", "1.png", "2.png", "linked/3.png"]
    assert rows_of(capsys, runs, pictures) == (0, names, "")
    (pictures / "gone.png").symlink_to("/gone.png")
    code, found, error = rows_of(capsys, runs, pictures)
    assert (code, found) == (1, names)
    assert "gone.png: cannot be read as an image (it is a link that points nowhere" in error


def test_what_systems_leave_and_backslashes_disturb_nobody(runs, pictures, tmp_path, capsys):
    (pictures / "0_broken.png").unlink()
    left = ("thumbs.db", "Desktop.ini", "@eaDir/0.png", "#recycle/0.png", "__MACOSX/._0.png")
    for name in left:
        (pictures / name).parent.mkdir(exist_ok=True)
        (pictures / name).write_bytes(b"left")
    assert rows_of(capsys, runs, pictures) == (0, ["0.png", "1.png", "2.png"], "")
    archive = renamed_zip(
        pictures, tmp_path / "p.zip", lambda name: f"my\\{name}".replace("/", "\\")
    )
    assert rows_of(capsys, runs, archive) == (0, ["my/0.png", "my/1.png", "my/2.png"], "")


@pytest.mark.parametrize("kind", ["csv", "json", "table"])
def test_odd_names_are_written_and_said_on_one_line(runs, tmp_path, kind):
    """In a process of its own, whose output is as strict about UTF-8 as a pipe's."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name, pixels in zip(
        ("x\udcff.png", 'ü 🐈 $x$,".png'), random_images(2).images, strict=True
    ):
        write_image(folder / "plain.png", pixels)
        (folder / "plain.png").rename(folder / name)
    (folder / "two\nlines.png").write_bytes(b"no picture")
    command = ["predict", "--run", runs / "elu", folder, f"--format={kind}"]
    code, out, error = ended("-m", "lightning_cifar", *command)
    assert code == 1, error
    skipped = rf"lightning-cifar: skipped {folder}/two\nlines.png: cannot be read"
    assert error.startswith(skipped)
    assert len(error.splitlines()) == 1
    assert ("x\\\\udcff.png" if kind == "json" else "x\\udcff.png") in out
    assert "ü 🐈 $x$," in out


def test_a_damaged_zip_is_refused_in_a_line(runs, tmp_path, capsys):
    end = b"PK\5\6" + bytes(4) + b"\5\0\5\0" + b"\x64\0\0\0" + bytes(6)
    (tmp_path / "damaged.zip").write_bytes(bytes(100) + end)
    error = refused(capsys, "predict", "--run", runs / "elu", tmp_path / "damaged.zip")
    assert "damaged.zip is not a zip, or a truncated one" in error


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--mc_samples=0"], "number of samples must be at least 1, got 0"),
        (["--mc_samples=-5"], "at least 1, got -5"),
        (["--mc_samples=many"], "invalid int value: 'many'"),
        (["--mc_samples=3", "--seed=-1"], "--seed is -1; it must be between 0 and"),
        (["--format=xml"], "invalid choice: 'xml'"),
        (["--contact_shet=a.png"], "unrecognized arguments: --contact_shet=a.png"),
    ],
)
def test_bad_options_of_predict_are_refused(runs, pictures, capsys, flags, message):
    (pictures / "0_broken.png").unlink()
    arguments = ["predict", "--run", runs / "alpha_dropout", pictures, *flags]
    assert message in refused(capsys, *arguments)


def test_contact_sheet_that_cannot_be_drawn_is_refused(runs, pictures, capsys):
    (pictures / "0_broken.png").unlink()
    arguments = ["predict", "--run", runs / "alpha_dropout", pictures, "--contact_sheet"]
    for name, message in (
        ("sheet.text", "cannot draw"),
        ("no/sheet.png", "No such file"),
        ("sheet", "cannot draw sheet: the end of the name says no format"),  # not in sheet.png
    ):
        code, _, error = run(capsys, *arguments, name)
        assert code == 2
        assert re.fullmatch(rf"lightning-cifar: .*{message}.*\n", error)


@pytest.mark.parametrize("command", ["test", "validate", "predict"])
def test_samples_of_a_network_without_dropout_are_refused(runs, pictures, capsys, command):
    paths = [pictures] if command == "predict" else []
    before = files_in(runs)
    error = refused(capsys, command, "--run", runs / "elu", *paths, "--mc_samples=3")
    assert "no active dropout layer" in error
    assert files_in(runs) == before


@pytest.mark.parametrize("samples", ["0", "-1", "x"])
def test_samples_below_one_are_refused(runs, capsys, samples):
    error = refused(capsys, "test", "--run", runs / "alpha_dropout", f"--mc_samples={samples}")
    assert "samples" in error


def test_fit_takes_no_samples(capsys):
    assert "fit does not take --mc_samples" in refused(capsys, *smoke(), "--mc_samples=3")


def test_exported_file_is_checked_and_said(runs, cwd, capsys):
    arguments = ["export", "--run", runs / "elu", "--format=safetensors", "--out"]
    code, out, error = run(capsys, *arguments, cwd / "elu.safetensors")
    assert (code, error) == (0, "")
    assert "largest difference of a logit from the original 0.0e+00" in out
    assert (cwd / "elu.safetensors").stat().st_size > 0
    assert "No such file" in refused(capsys, *arguments, cwd / "no" / "elu.safetensors")


def test_export_to_an_unknown_format_is_refused(runs, capsys):
    error = refused(capsys, "export", "--run", runs / "elu", "--format=gguf")
    assert "invalid choice: 'gguf'" in error
