"""How Lightning's command begins a fit, and what it says at each of its ends."""

from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest
from lightning.pytorch.utilities.exceptions import SIGTERMException
from parsed_commands import parsed

from lightning_cifar.cli import command
from lightning_cifar.cli.command import NOMINAL_RATE, raised_in_lightning
from lightning_cifar.errors import InputError, Interrupted
from lightning_cifar.runs import folders, resuming


@pytest.fixture(autouse=True)
def work(tmp_path, monkeypatch):
    """An empty working folder."""
    monkeypatch.chdir(tmp_path)


class Fitting:
    """A trainer whose fit does what it is told."""

    world_size, is_global_zero = 1, True

    def __init__(self, does=lambda: None):
        self.does, self.fitted = does, []

    def fit(self, *arguments, **options):
        self.fitted.append((arguments, options))
        self.does()


def fitting(does=lambda: None, **options):
    """A fit in the folder 'my run', which holds a configuration."""
    one = parsed(**options)
    one.folder = Path("my run")
    one.folder.mkdir(exist_ok=True)
    (one.folder / "config.yaml").write_text("data: {batch_size: 3}\n")
    one.trainer = Fitting(does)
    return one


def raising(error, context=None):
    def fail():
        error.__context__ = context
        raise error

    return fail


def test_a_fit_prints_its_end(capsys, monkeypatch):
    monkeypatch.setattr(command, "end_of_fit", lambda folder: f"end in {folder}")
    one = fitting()
    model = SimpleNamespace(learning_rate=None)
    one.fit(model, "data")
    assert one.trainer.fitted == [((model, "data"), {"ckpt_path": None})]
    assert model.learning_rate is None
    assert capsys.readouterr().out == "end in my run\n"
    one.trainer.is_global_zero = False
    one.fit(model, "data")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(("rate", "used"), [(None, NOMINAL_RATE), (0.5, 0.5)])
def test_trying_the_code_says_so_and_leaves_nothing(rate, used, capsys):
    one = fitting(trainer={"fast_dev_run": True})
    model = SimpleNamespace(learning_rate=rate)
    one.fit(model, "data")
    assert model.learning_rate == used
    assert not one.folder.exists()
    said = "fast_dev_run: training and validation ran; no run was written\n"
    assert capsys.readouterr().out == said


def test_a_finished_run_is_not_gone_on_with(capsys, monkeypatch):
    monkeypatch.setattr(resuming, "reason_it_ended", lambda folder, wanted: f"{folder} {wanted}")
    one = fitting(resume=True, run="my run")
    one.fit("model", "data")
    assert one.trainer.fitted == []
    assert capsys.readouterr().out == (
        "my run is finished (my run {'data': {'batch_size': 3}}); there is nothing to continue\n"
    )


def test_a_run_is_gone_on_with_from_its_checkpoint(monkeypatch, capsys):
    monkeypatch.setattr(resuming, "resume_point", lambda folder, wanted: (folder, wanted))
    monkeypatch.setattr(command, "end_of_fit", lambda folder: "end")
    one = fitting(resume=True, run="my run")
    one.fit("model", "data")
    ((_, options),) = one.trainer.fitted
    assert options == {"ckpt_path": (Path("my run"), {"data": {"batch_size": 3}})}
    one.settings = {"data": {"batch_size": 4}}
    with pytest.raises(InputError, match=r"data\.batch_size = 3 and cannot be continued with 4"):
        one.fit("model", "data")


def test_a_run_is_locked_by_the_first_process_alone(monkeypatch):
    held = []
    monkeypatch.setattr(folders, "locked", lambda folder: held.append(folder) or nullcontext())
    monkeypatch.setattr(command, "end_of_fit", lambda folder: "end")
    one = fitting()
    one.fit("model", "data")
    one.trainer.is_global_zero = False
    one.fit("model", "data")
    assert held == [Path("my run")]


CONTINUE = "to continue: lightning-cifar fit --run 'my run' --resume"
ENDS = {
    "terminated": (raising(SIGTERMException()), Interrupted, f"terminated; {CONTINUE}", 143),
    "interrupted": (
        raising(SystemExit(1), KeyboardInterrupt()),
        Interrupted,
        f"interrupted; {CONTINUE}",
        130,
    ),
}


@pytest.mark.parametrize("case", ENDS)
def test_a_fit_that_is_cut_short_says_how_to_go_on(case):
    does, kind, message, code = ENDS[case]
    with pytest.raises(kind) as raised:
        fitting(does).fit("model", "data")
    assert (str(raised.value), raised.value.code) == (message, code)
    assert Path("my run").exists()


@pytest.mark.parametrize("error", [SystemExit(4), RuntimeError("ours"), KeyError("ours")])
def test_another_error_of_a_fit_is_let_through(error):
    with pytest.raises(type(error)) as raised:
        fitting(raising(error)).fit("model", "data")
    assert raised.value is error
    assert Path("my run").exists()


def test_what_lightning_refuses_is_one_line_and_leaves_no_folder(monkeypatch):
    monkeypatch.setattr(command, "raised_in_lightning", lambda error: True)
    with pytest.raises(InputError) as refusal:
        fitting(raising(ValueError("so\nodd"))).fit("model", "data")
    assert str(refusal.value) == "Lightning refuses these settings: so odd"
    assert not Path("my run").exists()


def test_what_we_refuse_leaves_no_folder():
    with pytest.raises(InputError, match=r"^no$"):
        fitting(raising(InputError("no"))).fit("model", "data")
    assert not Path("my run").exists()


@pytest.mark.parametrize(
    ("module", "theirs"),
    [
        ("lightning.some", True),
        ("lightning", False),
        ("lightning_cifar.some", False),
        (None, False),
    ],
)
def test_an_error_is_lightnings_if_it_was_raised_there(module, theirs):
    names = {"__name__": module} if module else {}
    exec("def fail(): raise ValueError('no')", names)
    with pytest.raises(ValueError, match="no") as raised:
        names["fail"]()
    assert raised_in_lightning(raised.value) is theirs
