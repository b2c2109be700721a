import json
import re
import resource
import shutil

import pytest
import yaml
from commands import configured, files_in, refused, run, smoke, working_in
from image_examples import write_folder, zip_folder
from processes import ended

from lightning_cifar.runs.records import read_record


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The folder of a finished smoke run of ``elu``; tests only read it."""
    folder = tmp_path_factory.mktemp("trained") / "work"
    with pytest.MonkeyPatch.context() as monkeypatch, working_in(folder, monkeypatch):
        from lightning_cifar.__main__ import main

        assert main([*smoke(), "--run", "elu"]) == 0
    return folder / "elu"


@pytest.fixture(autouse=True)
def cwd(trained, monkeypatch):
    """An empty working folder beside the trained run and its cache."""
    folder = trained.parent.parent / "empty"
    with working_in(folder, monkeypatch):
        yield folder
    shutil.rmtree(folder)


@pytest.fixture
def write(cwd):
    """Writes config files into the working folder."""

    def one(name, text):
        (cwd / name).write_text(text)
        return ["--config", name]

    return one


def test_fit_leaves_a_run_that_is_complete(trained):
    names = {each.name for each in trained.iterdir()}
    assert {"best.ckpt", "last.ckpt", "config.yaml", "record.json", "metrics.csv"} <= names
    record = read_record(trained / "record.json")
    assert (record.variant, record.seed, record.best_epoch) == ("elu", 0, 0)
    assert record.learning_rate_source == "given"
    assert record.config["data"]["source"] == "synthetic"


@pytest.mark.parametrize("command", ["validate", "test"])
def test_run_folder_is_all_that_the_other_commands_need(trained, cwd, capsys, command):
    before = files_in(trained)
    code, out, error = run(capsys, command, "--run", trained)
    assert (code, error) == (0, "")
    stage = {"validate": "val", "test": "test"}[command]
    figures, rule = out.splitlines()
    assert re.fullmatch(rf"{stage}_loss \d\.\d{{4}}  {stage}_accuracy \d+\.\d\d%", figures)
    assert re.fullmatch(r"weights of epoch 1: the lowest val_loss \(\d\.\d{4}\)", rule)
    written = {"test.json", "confusion.png"} if command == "test" else set()
    after = files_in(trained)
    assert {name: after[name] for name in after if name not in written} == before
    assert after.keys() - before.keys() == written
    if command == "validate":
        best = read_record(trained / "record.json").best
        assert figures == f"val_loss {best.val_loss:.4f}  val_accuracy {best.val_accuracy:.2%}"


@pytest.mark.slow
def test_run_folder_is_all_that_a_fresh_process_needs(trained, capsys):
    """The synthetic set of full size is drawn here, so the figures are others."""
    code, out, error = ended("-m", "lightning_cifar", "test", "--run", trained)
    assert (code, error) == (0, "")
    assert re.match(r"test_loss \d+\.\d{4}  test_accuracy \d+\.\d\d%\n", out)


def test_flags_beat_files_wherever_they_stand(write, cwd, capsys):
    overlay = write("overlay.yaml", "data: {batch_size: 30}\ntrainer: {max_epochs: 2}\n")
    flags = ["--data.batch_size=50", "--run=run"]
    assert run(capsys, "fit", *flags, *smoke()[1:], *overlay)[0] == 0
    record = read_record(cwd / "run" / "record.json")
    assert record.config["data"]["batch_size"] == 50
    assert len(record.epochs) == 2


def test_flags_beat_what_the_run_remembers(trained, capsys):
    """With another split the validation images and so the figures are others."""
    as_trained = run(capsys, "validate", "--run", trained)[1]
    code, out, _ = run(capsys, "validate", "--run", trained, "--data.split_seed=7")
    assert code == 0
    assert out != as_trained
    settings = yaml.safe_load((trained / "config.yaml").read_text())
    assert settings["data"]["split_seed"] == 0


def test_runs_never_overwrite_each_other(cwd, capsys):
    outs = [run(capsys, *smoke())[1] for _ in range(2)]
    assert [out.splitlines()[-1] for out in outs] == [
        f"run folder: runs/elu-{number:03d}" for number in range(2)
    ]
    before = files_in(cwd)
    assert "already exists" in refused(capsys, *smoke(), "--run", "runs/elu-000")
    assert files_in(cwd) == before


def test_same_seed_gives_the_same_weights(cwd, capsys):
    hashes = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        arguments = [*smoke("alpha_dropout"), f"--run={name}", f"--seed_everything={seed}"]
        assert run(capsys, *arguments)[0] == 0
        hashes.append([each.val_loss for each in read_record(cwd / name / "record.json").epochs])
    assert hashes[0] == hashes[1] != hashes[2]


BAD_FLAGS = {
    "no variant": (["fit"], "no variant chosen: add --config selu"),
    "unknown command": (["tset"], "unknown command 'tset'; did you mean 'test'?"),
    "unknown variant": (["fit", "--model=SeluClasifier"], "did you mean 'SeluClassifier'"),
    "variant's name": (
        ["fit", "--model", "swish"],
        "unknown variant 'swish'; choose one of Elu",
    ),
    "unknown option": ([*smoke(), "--data.batchsize=3"], "did you mean '--data.batch_size'"),
    "negative rate": ([*smoke(), "--model.learning_rate=-1"], "must be a positive number, got -1"),
    "rate zero": ([*smoke(), "--model.learning_rate=0"], "must be a positive number, got 0"),
    "rate NaN": ([*smoke(), "--model.learning_rate=nan"], "learning_rate cannot be nan"),
    "rate of text": ([*smoke(), "--model.learning_rate=high"], "expected a finite number"),
    "depth zero": ([*smoke(), "--model.depth=0"], "depth must be at least 1, got 0"),
    "batch size zero": ([*smoke(), "--data.batch_size=0"], "batch_size is 0; it must be 1 or"),
    "batch size of text": ([*smoke(), "--data.batch_size=x"], "expected a whole number"),
    "validation size zero": ([*smoke(), "--data.validation_size=0"], "validation_size is 0"),
    "validation of all": ([*smoke(), "--data.validation_size=300"], "choose between 1 and 299"),
    "negative seed": ([*smoke(), "--seed_everything=-1"], "between 0 and 4294967295"),
    "other's setting": ([*smoke(), "--model.dropout_rate=0.1"], "no setting 'dropout_rate'"),
    "dropout of all": ([*smoke("alpha_dropout"), "--model.dropout_rate=1"], "below 1, got 1.0"),
    "patience zero": ([*smoke(), "--early_stopping.patience=0"], "patience must be at least 1"),
    "unknown source": (
        [*smoke(), "--data.source=web"],
        "'official', 'cifar100', 'folder'",
    ),
    "folder without path": ([*smoke(), "--data.source=folder"], "a path to a folder, zip or tar"),
    "path without folder": ([*smoke(), "--data.path=here"], "--data.source=folder"),
    "missing config": (["fit", "--config", "here.yaml"], "config file here.yaml: No such file"),
    "missing run": (["test", "--run", "nowhere"], "there is no run folder nowhere"),
    "test of nothing": (["test", *configured("elu", "smoke")], "give --run FOLDER of a fit"),
    "missing checkpoint": (
        ["test", *configured("elu", "smoke"), "--ckpt_path=no.ckpt"],
        "cannot read the checkpoint no.ckpt: No such file",
    ),
}


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_bad_arguments_are_refused_in_a_line(case, capsys):
    arguments, message = BAD_FLAGS[case]
    assert message in refused(capsys, *arguments)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data: {batchsize: 3}\n", "'data.batchsize'; did you mean 'batch_size'?"),
        ("dta: {batch_size: 3}\n", "unknown setting 'dta'; did you mean 'data'?"),
        ("data: [1, 2\n", "overlay.yaml is not a YAML file (line 2)"),
        ("just words\n", "overlay.yaml contains text, not settings"),
        ("model: {class_path: SwishClassifier}\n", "'SwishClassifier'; choose one of Elu"),
        ("model: {init_args: {learning_rate: -1e-3}}\n", "positive number, got -0.001"),
        ("model: {init_args: {learning_rate: .nan}}\n", "positive number, got nan"),
        ("data: {batch_size: 0}\n", "batch_size is 0"),
    ],
)
def test_bad_config_files_are_refused_in_a_line(write, capsys, text, message):
    assert message in refused(capsys, *smoke(), *write("overlay.yaml", text))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("images") / "images")


def from_images(path):
    flags = ["--data.source=folder", f"--data.path={path}", "--data.validation_size=10"]
    return [*smoke(), *flags]


def missing(folder):
    shutil.rmtree(folder)
    return "does not exist"


def class_missing(folder):
    shutil.rmtree(folder / "train" / "j")
    return "no train/j"


def class_empty(folder):
    for image in (folder / "test" / "c").iterdir():
        image.unlink()
    return "/c"


def class_extra(folder):
    (folder / "train" / "k").mkdir()
    shutil.copy(folder / "train" / "a" / "0.png", folder / "train" / "k" / "0.png")
    return "k"


def image_unreadable(folder):
    (folder / "train" / "b" / "1.png").write_bytes(b"no picture")
    return "train/b/1.png"


@pytest.mark.parametrize(
    "damage",
    [missing, class_missing, class_empty, class_extra, image_unreadable],
)
def test_bad_folders_of_images_are_refused_in_a_line(images, cwd, capsys, damage):
    folder = shutil.copytree(images, cwd / "images")
    message = damage(folder)
    assert message in refused(capsys, *from_images(folder))


def test_bad_zips_are_refused_in_a_line(images, cwd, capsys):
    path = zip_folder(images, cwd / "images.zip")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert "images.zip is not a zip, or a truncated one" in refused(capsys, *from_images(path))
    path.write_text("no zip at all")
    assert "images.zip is not a zip" in refused(capsys, *from_images(path))


@pytest.mark.parametrize("zipped", [False, True])
def test_good_images_are_trained_on(images, cwd, capsys, zipped):
    """The control of the refusals above."""
    path = zip_folder(images, cwd / "images.zip") if zipped else images
    assert run(capsys, *from_images(path), "--run=run")[0] == 0


def test_run_without_a_checkpoint_cannot_be_tested(trained, cwd, capsys):
    (cwd / "run").mkdir()
    assert "contains no config.yaml" in refused(capsys, "test", "--run", "run")
    shutil.copy(trained / "config.yaml", cwd / "run")
    assert "run has no best.ckpt" in refused(capsys, "test", "--run", "run")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model=SeluClassifier"], "holds elu 3x16, the configuration asks for selu 3x16"),
        (["--model.depth=4"], "holds elu 3x16, the configuration asks for elu 4x16"),
    ],
)
def test_checkpoint_of_another_network_cannot_be_tested(trained, capsys, flags, message):
    assert message in refused(capsys, "test", "--run", trained, *flags)


def test_damaged_checkpoint_cannot_be_tested(trained, cwd, capsys):
    shutil.copytree(trained, cwd / "run")
    content = bytearray((trained / "best.ckpt").read_bytes())
    content[len(content) // 2] ^= 1
    (cwd / "run" / "best.ckpt").write_bytes(content)
    assert "best.ckpt is damaged" in refused(capsys, "test", "--run", "run")


def test_run_folder_that_cannot_be_made_is_refused(write, capsys):
    write("file", "not a folder")
    message = "cannot create the run folder file/run: Not a directory"
    assert message in refused(capsys, *smoke(), "--run=file/run")


def test_cache_that_cannot_be_made_is_refused(write, capsys):
    write("file", "not a folder")
    error = refused(capsys, *smoke(), "--data.cache=file/cache")
    assert "cannot be kept in file/cache" in error


@pytest.fixture
def full_disk():
    """No file may grow beyond 20,000 bytes: enough for text, too little for weights."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_disk_that_is_full_is_reported_in_a_line(cwd, capsys, full_disk):
    code, _, error = run(capsys, *smoke(), "--run=run")
    assert code == 2
    assert re.fullmatch("lightning-cifar: .*File too large; free some space .*\n", error)
    assert not list((cwd / "run").glob("*.ckpt")), "half a checkpoint was left"
    assert not list((cwd / "run").glob(".*")), "a temporary file was left"


def test_loss_that_is_not_finite_is_reported_in_a_line(cwd, capsys):
    flags = ["--model.learning_rate=1e30", "--trainer.max_epochs=3", "--run=run"]
    code, _, error = run(capsys, *smoke(), *flags)
    assert code == 1
    assert re.fullmatch(
        r"lightning-cifar: the training loss is not finite at step \d+ \(epoch 0, learning rate "
        r"1e\+30\); try a lower learning rate\n",
        error,
    )


def test_found_rate_is_reported_and_recorded(cwd, capsys):
    flags = ["--model.learning_rate=null", "--learning_rate_search.epochs=1", "--run=run"]
    code, _, error = run(capsys, *smoke(), *flags)
    assert code == 0
    record = read_record(cwd / "run" / "record.json")
    assert record.learning_rate_source == "search"
    assert f"learning rate {record.learning_rate:.3g} (from the search)" in error
    search = json.loads((cwd / "run" / "learning_rate.json").read_text())
    assert search["rate"] == record.learning_rate
