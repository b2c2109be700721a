"""Lightning's own options: which are refused, and why.

What the others do here is written beside the docs' table, in benchmarks/option_tables.py; a test
walks every option of Lightning's Trainer through both.
"""

import ast
from collections.abc import Mapping
from typing import Any

from lightning_cifar.cli.options import settings
from lightning_cifar.errors import InputError

REFUSED: dict[str, str] = {
    "num_nodes": "several machines are not supported; train on one",
    "limit_predict_batches": "'predict' is a separate command and takes the images to classify",
    "enable_checkpointing": "a run consists of its checkpoints; leave it out",
    "use_distributed_sampler": "the data module divides the images among processes; leave it out",
    "barebones": "it turns off the callbacks that write a run; leave it out",
    "default_root_dir": "a run's files are in its folder; choose the folder with --run",
    "model_registry": "there is no registry; 'export' writes a network for other programs",
}

ALLOWED = {"enable_checkpointing": True}  # what happens anyway

# Lightning takes less for these, and then divides by it, never judges, or clips nothing.
LEAST = {"accumulate_grad_batches": 1, "check_val_every_n_epoch": 1, "gradient_clip_val": 0}
NOT_ZERO: dict[str, dict[str, str]] = {
    "fit": {
        "max_epochs": "no epoch would be trained",
        "max_steps": "no step would be trained",
        "limit_train_batches": "there would be nothing to train on",
        "limit_val_batches": "the best weights are chosen by validation",
    },
    "validate": {"limit_val_batches": "there would be nothing to validate on"},
    "test": {"limit_test_batches": "there would be nothing to test on"},
}


def check_trainer_options(command: str, options: Mapping[str, Any]) -> None:
    """Refuse options that this program does not serve, and values that leave nothing to do."""
    for name, bound in LEAST.items():
        value = options.get(name)
        if value is not None and not value >= bound:  # so is no number that is nan
            raise InputError(f"trainer.{name} is {value}; it must be {bound} or more")
    defaults = {each.name: ast.literal_eval(str(each.default)) for each in settings()["trainer"]}
    for name, reason in REFUSED.items():
        value = options.get(name)
        if value not in (None, defaults[name], ALLOWED.get(name)):
            raise InputError(f"trainer.{name} is refused (got {value!r}): {reason}")
    for name, reason in NOT_ZERO[command].items():
        if options.get(name) == 0 and options.get(name) is not None:
            raise InputError(f"trainer.{name} is 0: {reason}; give a larger number")
