"""Lightning's own options: what each does here, or why it is refused.

The table of the docs (docs/trainer-options.md) is written from these, and a test walks every option
of Lightning's Trainer through them.
"""

import ast
from collections.abc import Mapping
from typing import Any

from lightning_cifar.cli.options import settings
from lightning_cifar.errors import InputError

SUPPORTED: dict[str, str] = {
    "accelerator": "cpu, gpu, mps or auto; the record names the device",
    "strategy": "auto, or ddp for several devices: the figures of one process",
    "devices": "how many; they divide the images of a step, and none is used twice",
    "precision": "part of the hash of a search; a loss that overflows ends the fit with a message",
    "logger": "in addition to record.json; true writes into the run folder",
    "callbacks": "see the table of callbacks",
    "fast_dev_run": "a batch of training and of validation; leaves no run folder",
    "max_epochs": "-1 for no limit; a resumed run may be given more",
    "min_epochs": "patience waits for it",
    "max_steps": "the fit ends within an epoch; a resumed run may be given more",
    "min_steps": "patience waits for it",
    "max_time": "per call; the run resumes from its last complete epoch",
    "limit_train_batches": "different ones in each epoch; part of the hash of a search",
    "limit_val_batches": "the first ones; the best weights are chosen by these alone",
    "limit_test_batches": "the first ones",
    "overfit_batches": "the same batches in each epoch, not shuffled",
    "val_check_interval": "weights are compared after every validation",
    "check_val_every_n_epoch": "an epoch without a validation has no validation figures",
    "num_sanity_val_steps": "neither compared nor recorded",
    "log_every_n_steps": "for a logger",
    "enable_progress_bar": "Lightning's bar in addition to the line of each epoch",
    "enable_model_summary": "printed before training",
    "accumulate_grad_batches": "the search does the same; dropout masks differ within a step",
    "gradient_clip_val": "the search does the same",
    "gradient_clip_algorithm": "norm or value",
    "deterministic": "as in Lightning",
    "benchmark": "as in Lightning",
    "inference_mode": "as in Lightning",
    "profiler": "its report is printed at the end",
    "detect_anomaly": "as in Lightning: the first NaN of a backward pass is an error",
    "plugins": "in addition to the package's checkpoint files",
    "sync_batchnorm": "for several devices",
    "reload_dataloaders_every_n_epochs": "no effect: order and split follow from the seeds",
    "enable_autolog_hparams": "for a logger",
}

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

# Lightning takes a 0 for these, and then divides by it or finds nothing to train on or to judge by.
LEAST: dict[str, int] = {"accumulate_grad_batches": 1, "check_val_every_n_epoch": 1}
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
    """Refuse options that this program does not serve, and values that leave nothing to do.

    Raises:
        InputError: naming the option and the reason.
    """
    defaults = {each.name: ast.literal_eval(str(each.default)) for each in settings()["trainer"]}
    for name, reason in REFUSED.items():
        value = options.get(name)
        if value not in (None, defaults[name], ALLOWED.get(name)):
            raise InputError(f"trainer.{name} is refused (got {value!r}): {reason}")
    for name, reason in NOT_ZERO[command].items():
        if options.get(name) == 0 and options.get(name) is not None:
            raise InputError(f"trainer.{name} is 0: {reason}; give a larger number")
