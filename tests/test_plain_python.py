"""Use without the command line: the README's lines, and the callbacks on another's module."""

import re
from pathlib import Path

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from small_modules import small_modules
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from lightning_cifar import BestWeights, FiniteGuard, InputError, LearningRateSearch, NonFiniteLoss

ROOT = Path(__file__).parent.parent
# What makes the README's lines quick, and nothing else.
SMALLER = {
    "SeluClassifier()": "SeluClassifier(depth=2, width=8)",
    "max_epochs=15": "max_epochs=2, accelerator='cpu', logger=False, enable_progress_bar=False",
    "LearningRateSearch()": "LearningRateSearch(candidates=2, epochs=1)",
}


@pytest.fixture(autouse=True)
def cwd(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
def test_lines_in_the_readme_run(cwd, monkeypatch, capsys):
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    for whole, small in SMALLER.items():
        assert whole in code
        code = code.replace(whole, small)
    small_modules(monkeypatch, cwd)
    names = {}
    exec(code, names)
    assert re.search(r"test_accuracy.*: \d", capsys.readouterr().out)
    weights = torch.load(cwd / "best.ckpt", weights_only=True)["state_dict"]
    for key, value in names["model"].state_dict().items():
        assert torch.equal(value, weights[key])


class Line(LightningModule):
    """A module of another's: y = wx by gradient descent, with a rate for each epoch."""

    def __init__(self, rates):
        super().__init__()
        self.rates = rates
        self.layer = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.layer.weight, 5.0)

    def training_step(self, batch, batch_index):
        x, y = batch
        return functional.mse_loss(self.layer(x), y)

    def validation_step(self, batch, batch_index):
        self.log("val_error", self.training_step(batch, batch_index))

    def configure_optimizers(self):
        optimiser = torch.optim.SGD(self.parameters(), lr=1.0)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, self.rates)
        return [optimiser], [schedule]


def fitted(rates, *callbacks, epochs=6):
    """The module after a fit by a stock trainer, with its trainer."""
    x = torch.linspace(-1, 1, 8)[:, None]
    loader = DataLoader(TensorDataset(x, 2 * x), batch_size=8)
    module = Line(rates)
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        devices=1,
        logger=False,
        callbacks=list(callbacks),
        enable_checkpointing=any(isinstance(each, Checkpoint) for each in callbacks),
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(module, loader, loader)
    return module, trainer


def overshoots_late(epoch):
    """A good rate for three epochs, then one that leads away."""
    return 0.5 if epoch < 3 else 4.0


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*log_every_n_steps|The number of training batches")
def test_best_weights_of_another_s_module_are_handed_back(cwd):
    best = BestWeights(monitor="val_error", patience=2)
    module, trainer = fitted(overshoots_late, best)
    last, _ = fitted(overshoots_late)  # control: a fit without the callback ends elsewhere
    assert best.best_epoch == 2
    assert trainer.current_epoch == 5, "stopped two epochs after the best"
    error = abs(float(module.layer.weight.detach()) - 2)
    assert error < abs(float(last.layer.weight.detach()) - 2) / 10
    saved = torch.load(cwd / "best.ckpt", weights_only=True)["state_dict"]["layer.weight"]
    assert torch.equal(saved, module.layer.weight)


@pytest.mark.filterwarnings("ignore:.*does not have many workers")
@pytest.mark.filterwarnings("ignore:.*log_every_n_steps|The number of training batches")
def test_guard_stops_another_s_module(cwd):
    def explodes(epoch):
        return 1e30

    with pytest.raises(NonFiniteLoss, match=r"not finite at step \d+ .*try a lower learning rate"):
        fitted(explodes, FiniteGuard(), epochs=20)
    fitted(overshoots_late, FiniteGuard())  # control: a finite loss passes


class Curve(LightningModule):
    """A module of another's that reads its rate: a small network learns a parabola by Adam."""

    def __init__(self, learning_rate=None, logged="val_loss"):
        super().__init__()
        self.save_hyperparameters()
        self.learning_rate = learning_rate
        generator = torch.Generator().manual_seed(0)
        self.network = nn.Sequential(nn.Linear(1, 16), nn.Dropout(0.1), nn.Tanh(), nn.Linear(16, 1))
        for weights in self.network.parameters():
            nn.init.normal_(weights, std=0.5, generator=generator)

    def training_step(self, batch, batch_index):
        x, y = batch
        return functional.mse_loss(self.network(x), y)

    def validation_step(self, batch, batch_index):
        self.log(self.hparams["logged"], self.training_step(batch, batch_index))

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)


def curve_fit(folder, module, **options):
    """A fit of 12 steps with a search before it."""
    x = torch.linspace(-1, 1, 64)[:, None]
    points = TensorDataset(x, x**2)
    train, validation = (
        DataLoader(points, batch_size=16, shuffle=order) for order in (True, False)
    )
    search = LearningRateSearch(candidates=4, epochs=2)
    trainer = Trainer(
        max_epochs=3,
        accelerator="cpu",
        devices=1,
        logger=False,
        callbacks=[search],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        **options,
    )
    trainer.fit(module, train, None if options else validation)
    return trainer.optimizers[0].param_groups[0]["lr"]


def quiet_fit(test):
    """Let a test pass over what Lightning says of so small a fit."""
    for said in ("does not have many workers", "log_every_n_steps|The number of training batches"):
        test = pytest.mark.filterwarnings(f"ignore:.*{said}")(test)
    return test


@quiet_fit
def test_search_serves_another_s_module(cwd, capsys):
    module = Curve()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    started = torch.get_rng_state()
    found = curve_fit(cwd, module)
    assert module.learning_rate == module.hparams["learning_rate"] == found
    assert 1e-3 < found < 1
    assert f"learning rate {found:.3g} (from the search)" in capsys.readouterr().err
    assert any(not torch.equal(before[name], value) for name, value in module.state_dict().items())
    # The search itself has moved nothing: a fit at the rate found, without one, ends the same.
    again = Curve(learning_rate=found)
    torch.set_rng_state(started)
    assert curve_fit(cwd, again) == found
    for name, value in again.state_dict().items():
        assert torch.equal(value, module.state_dict()[name])


@quiet_fit
def test_search_finds_the_same_rate_again(cwd):
    torch.manual_seed(1)
    first = curve_fit(cwd, Curve())
    torch.manual_seed(2)
    assert curve_fit(cwd, Curve()) == first


@quiet_fit
def test_the_rate_found_is_near_the_best_of_a_grid(cwd):
    """Control: rates far from it end with a much higher loss."""
    found = curve_fit(cwd, Curve())
    losses = {}
    for factor in (1e-3, 1, 1e3):
        torch.manual_seed(0)
        module = Curve(learning_rate=found * factor)
        curve_fit(cwd, module)
        x = torch.linspace(-1, 1, 64)[:, None]
        losses[factor] = float(functional.mse_loss(module.eval().network(x), x**2).detach())
    assert losses[1] < 0.7 * min(losses[1e-3], losses[1e3])


@quiet_fit
@pytest.mark.filterwarnings("ignore:You defined a `validation_step`")
def test_what_a_search_cannot_do_is_said_in_words(cwd):
    with pytest.raises(InputError, match="sets the learning_rate of a module, and Line has none"):
        fitted(overshoots_late, LearningRateSearch())
    with pytest.raises(InputError, match="needs 'val_loss' in validation, but Curve logs 'error'"):
        curve_fit(cwd, Curve(logged="error"))
    with pytest.raises(InputError, match="give the fit validation batches"):
        curve_fit(cwd, Curve(), limit_val_batches=0)
