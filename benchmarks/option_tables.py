"""The page of Lightning's options: what each does here, or why it is refused.

    python -m benchmarks.option_tables          # writes docs/trainer-options.md

What is refused are the lists of the command line; tests/cli/test_trainer_options.py walks all.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from lightning_cifar.cli import trainer_options
from lightning_cifar.training import foreign_callbacks

PAGE = Path(__file__).parent.parent / "docs" / "trainer-options.md"
HEAD = """# Lightning's own options

<!-- written by python -m benchmarks.option_tables -->

`fit`, `validate` and `test` take the options of Lightning's Trainer as `--trainer.NAME VALUE`. Each
one either works, and `record.json` tells what it did, or is refused in one line. A test gives every
option of the list and looks for its effect or its refusal; `benchmarks/option_walk.py` trains all
pairs of some thirty settings, and each alone, and checks that the record is true, that `validate`
finds its figures again in the kept weights, and that a run which is cut short and resumed ends as
the uncut one.
"""

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
    "limit_train_batches": (
        "1 is a single batch, 1.0 all; others in each epoch; part of the hash of a search"
    ),
    "limit_val_batches": "as above; the first ones; the best weights are chosen by these alone",
    "limit_test_batches": "as above; the first ones",
    "overfit_batches": "the same batches in each epoch, not shuffled",
    "val_check_interval": "1 is after every batch, 1.0 after an epoch; weights are compared then",
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
SERVED: dict[str, str] = {
    "DeviceStatsMonitor": "with a logger",
    "EarlyStopping": "stops a fit beside early_stopping; the record names it and its reason, and "
    "the run can be resumed",
    "EMAWeightAveraging": "its averaged weights are validated, judged and kept; refused with "
    "weights of 64 or 16 bits, which its swaps would round",
    "GradientAccumulationScheduler": "with a learning rate that is given",
    "LearningRateMonitor": "with a logger",
    "ModelCheckpoint": (
        "its own files, beside best.ckpt and last.ckpt; for train_time_interval, autograd trains"
    ),
    "ModelSummary": "with --trainer.enable_model_summary true",
    "RichModelSummary": "with --trainer.enable_model_summary true and the package rich",
    "RichProgressBar": "with --trainer.enable_progress_bar true and the package rich",
    "SpikeDetection": "as in Lightning",
    "Timer": "its time is that of each call; the run resumes from its last whole epoch",
    "TQDMProgressBar": "with --trainer.enable_progress_bar true",
    "WeightAveraging": "like EMAWeightAveraging",
}


def page() -> str:
    """The page in Markdown."""
    zero = {
        f"trainer.{name} 0": f"in `{command}`: {reason}"
        for command, reasons in trainer_options.NOT_ZERO.items()
        for name, reason in reasons.items()
    }
    return "\n".join(
        [
            HEAD,
            *section("Supported", "option", "what it does here", SUPPORTED),
            *section("Refused", "option", "why", trainer_options.REFUSED),
            *section("Refused at zero", "option", "why", zero),
            *section("Callbacks that are served", "callback", "how", SERVED),
            *section("Callbacks that are refused", "callback", "why", foreign_callbacks.REFUSED),
        ]
    )


def section(title: str, first: str, second: str, rows: Mapping[str, str]) -> Iterator[str]:
    """A heading and a table of two columns."""
    yield from (f"## {title}", "", f"| {first} | {second} |", "|---|---|")
    yield from (f"| `{name}` | {text} |" for name, text in rows.items())
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
