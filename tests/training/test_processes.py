"""Several processes on the CPU, through the real command line: same figures, and bounded ends."""

import lightning.pytorch
import pytest
import torch
from commands import configured
from image_examples import write_folder
from lightning.pytorch.strategies import FSDPStrategy
from processes import ended

from lightning_cifar.__main__ import main
from lightning_cifar.errors import InputError
from lightning_cifar.runs.records import read_record
from lightning_cifar.training.processes import (
    LostProcess,
    check_strategy,
    noticing_lost_processes,
)

LIMIT = 300  # seconds after which a process counts as hung; they take a few
DDP = ["--trainer.devices=2", "--trainer.strategy=ddp", "--trainer.accelerator=cpu"]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A folder with 19 test images, which two processes do not share evenly."""
    folder = write_folder(tmp_path_factory.mktemp("images") / "images", train=4, test=2)
    (folder / "test" / "a" / "1.png").unlink()
    return folder


@pytest.fixture(scope="module")
def trained(images):
    """A finished run on them."""
    run = images.parent / "run"
    assert main([*fit(images, run), "--trainer.max_epochs=2"]) == 0
    return run


def fit(images, run):
    data = {"source": "folder", "path": images, "cache": images.parent / "cache", "batch_size": 4}
    data["validation_size"] = 10
    flags = [f"--data.{key}={value}" for key, value in data.items()]
    return ["fit", *configured("alpha_dropout", "smoke"), *flags, f"--run={run}"]


def figures_of_two(run):
    """Those of a process that we start and of one that Lightning starts."""
    code, out, error = ended("-m", "lightning_cifar", "test", "--run", run, *DDP, timeout=LIMIT)
    assert code == 0, error
    (line,) = error.splitlines()  # once for both
    assert line.endswith("class folders, 10 classes (content not verified)")
    return out


def figures_of_one(capsys, run, *flags):
    capsys.readouterr()
    assert main(["test", "--run", str(run), *map(str, flags)]) == 0
    return capsys.readouterr().out


@pytest.mark.slow
def test_processes_count_every_image_once(trained, capsys):
    assert figures_of_two(trained) == figures_of_one(capsys, trained)


def test_control_an_image_counted_twice_shows(images, trained, capsys, tmp_path):
    """What padding to equal shares does, as samplers for several processes do by default."""
    padded = write_folder(tmp_path / "images", train=4, test=2)
    (padded / "test" / "a" / "1.png").write_bytes((padded / "test" / "a" / "0.png").read_bytes())
    other = figures_of_one(capsys, trained, "--data.path", padded)
    assert other != figures_of_one(capsys, trained)


class Strategy:
    launcher = None


class Trainer:
    """As much of a trainer as the message looks at."""

    global_rank = 1
    strategy = Strategy()

    def __init__(self, world_size):
        self.world_size = world_size


GLOO = RuntimeError("[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:9")


@pytest.mark.parametrize(
    ("world_size", "error", "kind"),
    [(2, GLOO, LostProcess), (1, GLOO, RuntimeError), (2, RuntimeError("shapes"), RuntimeError)],
)
def test_only_lost_connections_of_several_processes_are_explained(world_size, error, kind):
    with pytest.raises(RuntimeError) as caught, noticing_lost_processes(Trainer(world_size)):
        raise error
    assert caught.type is kind


def trainer_with(strategy, devices, **options):
    return lightning.pytorch.Trainer(
        accelerator="cpu", strategy=strategy, devices=devices, logger=False, **options
    )


def test_joint_batch_normalisation_on_a_cpu_is_refused():
    with pytest.raises(InputError, match="sync_batchnorm needs GPUs"):
        check_strategy(trainer_with("ddp", 2, sync_batchnorm=True), "ddp")
    check_strategy(trainer_with("auto", 1, sync_batchnorm=True), "auto")


@pytest.mark.parametrize(
    ("strategy", "devices"), [("ddp_fork", 2), ("ddp_spawn", 1), ("ddp_notebook", 2)]
)
def test_strategies_that_leave_this_process_without_the_result_are_refused(strategy, devices):
    with pytest.raises(InputError, match=f"trainer.strategy {strategy} is refused: .*copies"):
        check_strategy(trainer_with(strategy, devices), strategy)


def test_strategies_that_divide_the_network_are_refused():
    trainer = Trainer(2)
    trainer.strategy = FSDPStrategy(parallel_devices=[torch.device("cpu")])
    with pytest.raises(InputError, match=r"trainer.strategy FSDPStrategy is refused: it divides"):
        check_strategy(trainer, trainer.strategy)


@pytest.mark.parametrize(("strategy", "devices"), [("auto", 1), ("auto", 2), ("ddp", 2)])
def test_control_others_are_served(strategy, devices):
    check_strategy(trainer_with(strategy, devices), strategy)


def test_monte_carlo_dropout_of_a_forked_test_is_refused(images, tmp_path, capsys):
    """It judged the network as it was before its training, and wrote that into the run."""
    run = tmp_path / "run"
    assert main([*fit(images, run), "--trainer.max_epochs=1"]) == 0
    options = ["--mc_samples=2", "--trainer.strategy=ddp_fork", "--trainer.accelerator=cpu"]
    assert main(["validate", f"--run={run}", *options]) == 2
    assert "trainer.strategy ddp_fork is refused" in capsys.readouterr().err
    assert not (run / "uncertainty_val.json").exists()


def fitted_by_two(images, run, variant, *options):
    """The record of a fit by two processes, whose weights one process has judged since."""
    command = fit(images, run)
    command[command.index("--config") + 1] = configured(variant)[1]
    code, _, error = ended("-m", "lightning_cifar", *command, *DDP, *options, timeout=LIMIT)
    assert code == 0, error
    assert main(["validate", f"--run={run}", "--trainer.devices=1", "--trainer.strategy=auto"]) == 0
    return read_record(run / "record.json")


@pytest.mark.slow
def test_several_processes_judge_by_one_network_within_an_accumulated_step(
    images, tmp_path, capsys
):
    """Each has running statistics of its own until the next step."""
    options = ["--trainer.accumulate_grad_batches=3", "--trainer.val_check_interval=2"]
    options.append("--model.learning_rate=3")  # so that the first weights are the best
    record = fitted_by_two(images, tmp_path / "run", "batch_norm", *options)
    assert record.best_step == record.validations[0].step
    assert f"val_loss {record.best_score:.4f}" in capsys.readouterr().out.splitlines()[-2]


@pytest.mark.slow
def test_the_search_for_a_rate_does_not_wait_for_the_other_processes(images, tmp_path):
    """They wait for its rate: a search that joins them in a figure never ends."""
    cache = f"--learning_rate_search.cache={tmp_path / 'cache'}"
    options = [cache, "--learning_rate_search.candidates=2", "--learning_rate_search.epochs=1"]
    record = fitted_by_two(images, tmp_path / "run", "selu", "--model.learning_rate=null", *options)
    assert record.learning_rate_source == "search"
