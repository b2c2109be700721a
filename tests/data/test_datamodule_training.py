"""The data module under a real trainer: which images each step of a run sees."""

import warnings

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from small_modules import ready, small_modules


@pytest.fixture
def small(monkeypatch, tmp_path):
    return small_modules(monkeypatch, tmp_path / "cache")


class Recorder(LightningModule):
    """Trains one number and notes the batches it saw."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.seen = []

    def training_step(self, batch, batch_index):
        pixels, labels = batch
        self.seen.append((self.current_epoch, labels.tolist(), int(pixels.sum(dtype=torch.int64))))
        return self.weight * 0

    def validation_step(self, batch, batch_index):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


def train(datamodule, folder, *, checkpoint=None, **options):
    module = Recorder()
    trainer = Trainer(
        accelerator="cpu", logger=False, enable_progress_bar=False, enable_model_summary=False,
        enable_checkpointing=False, default_root_dir=folder, num_sanity_val_steps=0, **options,
    )  # fmt: skip
    trainer.fit(module, datamodule, ckpt_path=checkpoint)
    return module.seen


@pytest.mark.parametrize("loader", ["memory", "stock"])
def test_a_trainer_shows_each_epoch_in_its_own_order_without_warning(small, tmp_path, loader):
    datamodule = small(loader=loader)
    seen = train(datamodule, tmp_path, max_epochs=3)
    expected = []
    batches = ready(small()).train_dataloader()
    for epoch in range(3):
        batches.set_epoch(epoch)
        expected += [(epoch, y.tolist(), int(x.sum(dtype=torch.int64))) for x, y in batches]
    assert seen == expected


class SaveAt(Callback):
    """Saves a checkpoint after each of some steps, as a run that is killed there leaves it."""

    def __init__(self, folder, steps):
        self.folder = folder
        self.steps = steps

    def on_train_batch_end(self, trainer, *args):
        if trainer.global_step in self.steps:
            trainer.save_checkpoint(self.folder / f"{trainer.global_step}.ckpt")


def resumed_runs_see_the_rest(make, folder, steps):
    """Killed after so many of 3 x 6 steps and resumed, a run sees what it would have seen."""
    whole = train(make(), folder, max_epochs=3, callbacks=[SaveAt(folder, steps)])
    assert len(whole) == 3 * 6
    for step in steps:
        rest = train(make(), folder, max_epochs=3, checkpoint=folder / f"{step}.ckpt")
        assert rest == whole[step:]


def test_resumed_runs_see_the_rest(small, tmp_path):
    def make():
        return small(flip=True, shift=2)

    resumed_runs_see_the_rest(make, tmp_path, steps=(1, 5, 6, 7, 11, 12))


def test_check_of_resuming_can_fail(small, tmp_path):
    """The stock loader resumes at the start of an epoch only, as Lightning warns."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*resuming from a checkpoint that ended before")
        with pytest.raises(AssertionError):
            resumed_runs_see_the_rest(lambda: small(loader="stock"), tmp_path, steps=(2,))
