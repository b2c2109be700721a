"""A run as a machine: train, validate, save, crash, resume, damage, against a simple model.

The weights are a function of the number of steps, so the model needs to know only which step each
file on disk holds.
"""

import shutil
import tempfile
from pathlib import Path

import hypothesis.strategies as st
import torch
from controls import assert_rejects
from hypothesis import Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lightning_cifar.runs.checkpoints import save_checkpoint
from lightning_cifar.runs.folders import LAST_FILE, PREVIOUS_FILE
from lightning_cifar.runs.resuming import newest_undamaged
from lightning_cifar.seeds import derived_seed
from lightning_cifar.training.resume import ResumePoint

SETTINGS = settings(
    max_examples=20, stateful_step_count=15, phases=[Phase.generate], report_multiple_bugs=False
)


def noise(step):
    return torch.rand(2, generator=torch.Generator().manual_seed(derived_seed(0, step))).double()


def weights_after(steps):
    """What any history of crashes must lead to."""
    weights = torch.zeros(2, dtype=torch.float64)
    for step in range(steps):
        weights = weights + 0.1 * (noise(step) - weights)
    return weights


class TinyTrainer:
    """As much of a trainer as a checkpoint callback looks at."""

    is_global_zero = is_last_batch = True

    def __init__(self, folder):
        self.default_root_dir = str(folder)
        self.step, self.weights = 0, weights_after(0)

    def train(self):
        self.weights = self.weights + 0.1 * (noise(self.step) - self.weights)
        self.step += 1

    def save_checkpoint(self, path):
        save_checkpoint({"step": self.step, "weights": self.weights}, path)

    def restore(self, checkpoint):
        self.step, self.weights = checkpoint["step"], checkpoint["weights"]


def machine_for(point, find):
    """The machine over a way of saving and a way of finding the newest checkpoint."""

    class Run(RuleBasedStateMachine):
        @initialize()
        def begin(self):
            self.folder = Path(tempfile.mkdtemp())
            self.trainer, self.files = TinyTrainer(self.folder), {}

        @rule(steps=st.integers(1, 3))
        def train(self, steps):
            for _ in range(steps):
                self.trainer.train()

        @rule()
        def validate(self):
            before = self.trainer.weights.clone()
            assert torch.isfinite((self.trainer.weights**2).sum())
            assert torch.equal(before, self.trainer.weights)

        @rule()
        def save(self):
            point().on_train_epoch_end(self.trainer, None)
            if LAST_FILE in self.files:
                self.files[PREVIOUS_FILE] = self.files[LAST_FILE]
            self.files[LAST_FILE] = (self.trainer.step, True)

        @precondition(lambda self: LAST_FILE in self.files)
        @rule()
        def crash_while_saving(self):
            assert (self.folder / LAST_FILE).exists(), "a file was not kept"
            half = (self.folder / LAST_FILE).read_bytes()[:1000]
            (self.folder / f".{LAST_FILE}.abcd1234").write_bytes(half)
            (self.folder / LAST_FILE).replace(self.folder / PREVIOUS_FILE)
            self.files[PREVIOUS_FILE] = self.files.pop(LAST_FILE)
            self.resume()

        @rule()
        def crash_and_resume(self):
            self.resume()

        @precondition(lambda self: any(sound for _, sound in self.files.values()))
        @rule(data=st.data())
        def damage(self, data):
            sound = sorted(name for name, (_, sound) in self.files.items() if sound)
            path = self.folder / data.draw(st.sampled_from(sound))
            assert path.exists(), "a file was not kept"
            content = bytearray(path.read_bytes())
            content[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(
                st.integers(0, 7)
            )
            path.write_bytes(content)
            self.files[path.name] = (self.files[path.name][0], False)

        def resume(self):
            self.trainer = TinyTrainer(self.folder)
            names = [name for name in (LAST_FILE, PREVIOUS_FILE) if name in self.files]
            sound = [name for name in names if self.files[name][1]]
            try:
                found = find(self.folder)[1]
            except Exception:  # of ours an InputError, of the mutants anything
                found = "refused"
            if not sound:
                assert found == ("refused" if names else None)
                self.start_over()
                return
            assert isinstance(found, dict), "a sound file was not found"
            self.trainer.restore(found)
            assert self.trainer.step == self.files[sound[0]][0], "not the newest sound file"
            if sound[0] == PREVIOUS_FILE:
                self.files.pop(LAST_FILE, None)

        def start_over(self):
            for path in self.folder.iterdir():
                path.unlink()
            self.files = {}

        @invariant()
        def weights_are_those_of_the_step(self):
            if hasattr(self, "trainer"):
                assert torch.equal(self.trainer.weights, weights_after(self.trainer.step))

        def teardown(self):
            if hasattr(self, "folder"):
                shutil.rmtree(self.folder)

    return Run


def machine_check(point, find, machines=SETTINGS.max_examples):
    chosen = settings(SETTINGS, max_examples=machines)
    return lambda: run_state_machine_as_test(machine_for(point, find), settings=chosen)


def test_any_history_leads_to_the_weights_of_its_step():
    machine_check(ResumePoint, newest_undamaged)()


def trusting(folder):
    """Loads the latest and does not look whether it is sound."""
    for name in (LAST_FILE, PREVIOUS_FILE):
        if (folder / name).exists():
            return folder / name, torch.load(folder / name, weights_only=True)
    return None, None


class KeepsNone:
    """Has one checkpoint only."""

    def on_train_epoch_end(self, trainer, pl_module):
        trainer.save_checkpoint(Path(trainer.default_root_dir) / LAST_FILE)


def test_control_one_checkpoint_only():
    assert_rejects(machine_check(KeepsNone, newest_undamaged, machines=200))


def test_control_reader_that_trusts():
    assert_rejects(machine_check(ResumePoint, trusting, machines=200))
