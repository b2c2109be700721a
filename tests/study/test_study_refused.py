"""What the command ``study`` refuses, and what it says when it is interrupted."""

import json
import shutil
import subprocess
import sys

import pytest
from commands import environment, run, working_in
from small_studies import STUDY, TINY, again, contents, make_quick, refused, write_study

from lightning_cifar.study import train_job


@pytest.mark.parametrize(
    ("overlay", "key"),
    [
        (TINY.replace("width: 8", "width: 9"), "runs.plain/elu.model.init_args.width is 8"),
        (TINY.replace("50", "60"), "runs.plain/elu.data.batch_size is 50 there and 60 here"),
    ],
)
def test_folder_of_another_configuration_is_refused(work_folder, capsys, overlay, key):
    error = refused(work_folder, capsys, tiny=overlay)
    assert "is a study of another configuration" in error
    assert key in error


def test_folder_of_other_comparisons_is_refused(work_folder, capsys):
    compared = "comparisons: [{question: e, first: elu, second: alpha_dropout, set_up: plain,"
    compared += " measure: test_accuracy, tested: false}]\n"
    assert "comparisons" in refused(work_folder, capsys, study=STUDY + compared)


def test_folder_of_other_images_is_refused(work_folder, capsys, monkeypatch):
    plan = work_folder / "study" / "plan.json"
    fields = json.loads(plan.read_text())
    fields["runs"]["plain/elu"]["images"] = "others"
    plan.write_text(json.dumps(fields))
    assert "runs.plain/elu.images is 'others' there" in refused(work_folder, capsys)


def test_folder_of_something_else_is_refused(work_folder, capsys):
    shutil.rmtree(work_folder / "study")
    (work_folder / "study").mkdir()
    (work_folder / "study" / "novel.txt").write_text("Once")
    arguments = write_study(work_folder)
    code, _, error = run(capsys, *arguments)
    assert code == 2
    assert "is not a study: it contains novel.txt and no plan.json" in error


def test_damaged_plan_is_refused_and_written_again_once_removed(work_folder, capsys):
    plan = work_folder / "study" / "plan.json"
    whole = plan.read_text()
    plan.write_text(whole[:100])
    assert "plan.json is damaged" in refused(work_folder, capsys)
    plan.unlink()
    assert again(work_folder, capsys)[0] == 0
    assert plan.read_text() == whole


def test_damaged_record_is_named_and_redone_when_asked(work_folder, capsys):
    before = contents(work_folder / "study")
    path = next((work_folder / "study" / "records").iterdir())
    path.write_text(path.read_text()[:-40])
    code, out, error = again(work_folder, capsys)
    assert (code, "3 of 4 runs" in out) == (2, True)
    assert f"damaged records left out: {path.stem}; add --redo_damaged" in error
    assert again(work_folder, capsys, "--redo_damaged")[0] == 0
    # Another stack, of one member: the same run, but for the last digits.
    redone = contents(work_folder / "study")
    assert redone.keys() == before.keys()
    losses = [
        [epoch["val_loss"] for epoch in each[path.name]["run"]["epochs"]]
        for each in (redone, before)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
    del redone[path.name], before[path.name]
    assert redone == before


BAD_FLAGS = {
    "bad shard": (["--shard", "3/2"], "--shard must be i/n"),
    "unknown set-up": (["--set_ups", "plian"], "did you mean 'plain'"),
    "seeds zero": (["--seeds", "0"], "at least 1, got 0"),
    "workers zero": (["--workers", "0"], "--workers must be at least 1"),
    "GPUs without Ray": (["--gpus_per_run", "1"], "goes with --engine ray"),
    "unknown option": (["--sead", "1"], "unrecognized arguments"),
    "path without folder": (["--data.path", "here"], "--data.source=folder"),
    "unknown source": (["--data.source", "web"], "'official', 'cifar100', 'folder', 'synthetic'"),
}


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_bad_arguments_are_refused_in_a_line(work_folder, capsys, case):
    flags, message = BAD_FLAGS[case]
    assert message in refused(work_folder, capsys, *flags)


def test_ray_that_is_not_installed_is_said_in_a_line(work_folder, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    arguments = write_study(work_folder)[:-2]
    code, _, error = run(capsys, *arguments, "--engine", "ray")
    assert code == 2
    assert "pip install 'lightning-cifar[ray]'" in error


def test_help_is_quick_because_it_loads_nothing():
    script = (
        "import sys; from lightning_cifar.__main__ import main\n"
        "try: main(['study', '--help'])\n"
        "finally: print('torch' in sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script]
    ended = subprocess.run(command, capture_output=True, text=True, env=environment())
    assert "--shard" in ended.stdout
    assert ended.stderr == "False\n"


@pytest.mark.parametrize("ends", ["as Python does", "as a trainer does"])
def test_interrupted_study_says_how_to_go_on_and_goes_on(work_folder, capsys, monkeypatch, ends):
    done = contents(work_folder / "study")

    def interrupted(*_, **__):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            if ends == "as Python does":
                raise
            sys.exit(1)

    monkeypatch.setattr(train_job, "fit_runs", interrupted)
    three = ("--seeds", 3)
    code, _, error = again(work_folder, capsys, *three)
    assert code == 130
    assert error.endswith("lightning-cifar: interrupted; the same command continues from here\n")
    monkeypatch.undo()
    make_quick(monkeypatch)
    with working_in(work_folder, monkeypatch):
        code, *_ = again(work_folder, capsys, *three)
    assert code == 0
    after = contents(work_folder / "study")
    assert len(after) == 6
    assert {name: after[name] for name in done} == done
