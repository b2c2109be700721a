"""What a user may have meant by a name that is not known here: an option or a class."""

from collections.abc import Collection
from difflib import get_close_matches
from importlib.util import find_spec

from lightning_cifar.cli.options import public_names
from lightning_cifar.runs.configuration import nearest

# Options → what other programs, and Lightning before version 2, call them.
OTHER_NAMES = {
    "--model.learning_rate": "lr learning_rate base_lr init_lr",
    "--model.schedule one_cycle": "schedule scheduler lr_schedule lr_scheduler one_cycle onecycle",
    "--model.depth": "layers n_layers num_layers hidden_layers n_hidden",
    "--model.width": "units n_units hidden_units hidden hidden_size hidden_dim neurons",
    "--model.dropout_rate with --config alpha_dropout": "dropout drop drop_rate p",
    "--data.batch_size": "bs batch auto_scale_batch_size",
    "--data.source folder --data.path FOLDER": (
        "data_dir data_path dataset_path datadir dir root folder train_dir"
    ),
    "--data.source": "dataset",
    "--data.cache FOLDER": "cache_dir download_dir",
    "--data.validation_size": "val_size val_split valid_size validation_split",
    "--data.flip true --data.shift N": "augment augmentation augmentations transform transforms",
    "--data.standardise": "normalise normalize normalization standardize mean std",
    "--early_stopping.patience": "early_stop early_stop_callback early_stopping",
    "--early_stopping.monitor": "metric",
    "--seed_everything": "seed random_seed random_state manual_seed",
    "--run FOLDER": (
        "out out_dir output output_dir log_dir logdir save_dir weights_save_path run_name"
    ),
    "--run FOLDER --resume": "continue resume_from resume_from_checkpoint",
    "--config NAME": "variant arch architecture network preset cfg",
    "--trainer.max_epochs": "epoch epochs n_epochs num_epochs max_nb_epochs",
    "--trainer.accelerator gpu --trainer.devices N": (
        "gpu gpus gpu_ids n_gpu num_gpus auto_select_gpus cuda use_cuda"
    ),
    "--trainer.accelerator cpu --trainer.devices N": "num_processes",
    "--trainer.accelerator cpu": "cpu no_cuda",
    "--trainer.accelerator tpu --trainer.devices N": "tpu tpus tpu_cores num_tpu_cores",
    "--trainer.accelerator": "device",
    "--trainer.strategy": "distributed_backend",
    "--trainer.precision": "amp amp_backend amp_level fp16 bf16 half use_amp",
    "--trainer.enable_progress_bar": "progress_bar progress_bar_refresh_rate show_progress_bar",
    "--trainer.enable_model_summary": "summary weights_summary",
    "--trainer.limit_train_batches": "train_percent_check",
    "--trainer.limit_val_batches": "val_percent_check",
    "--trainer.limit_test_batches": "test_percent_check",
    "--trainer.overfit_batches": "overfit_pct",
    "--trainer.log_every_n_steps": "log_interval row_log_interval log_save_interval",
    "--trainer.gradient_clip_val": "clip clip_grad grad_clip max_norm",
    "--trainer.accumulate_grad_batches": "accumulate accumulation_steps grad_accum",
}
# Reasons why something is not an option → its names.
NOT_OPTIONS = {
    "the optimisers are --model.optimiser nadam, which the exercise asks for, and muon; the rate "
    "is --model.learning_rate": (
        "optimizer optimiser optim opt momentum nesterov betas beta1 beta2 weight_decay wd nadam"
    ),
    "the rate is searched for whenever --model.learning_rate is not given": "auto_lr_find lr_find",
    "the variant decides this: --config elu, batch_norm, selu or alpha_dropout": (
        "activation act batch_norm batchnorm norm init initializer"
    ),
    "fit continues with --run FOLDER --resume; validate and test take --ckpt_path FILE": (
        "checkpoint checkpoint_path ckpt"
    ),
    "a network has as many classes as the images of --data.path": "classes n_classes num_classes",
    "batches come from memory, so there are no workers": (
        "workers n_workers num_workers pin_memory persistent_workers prefetch_factor"
    ),
    "training images are always shuffled": "shuffle",
    "CIFAR-10 is downloaded when it is not yet in --data.cache": "download",
    "the best weights are always kept": (
        "restore_best_weights save_best save_best_only save_top_k checkpoint_callback"
    ),
    "a run trains on one machine": "nodes nb_gpu_nodes",
    "each process takes its share of the images": "replace_sampler_ddp",
    "every improvement counts, however small": "min_delta delta",
    "every fit stops early; a large --early_stopping.patience lets it run on": "enabled enable",
    "a loss that is not finite always ends the fit": "terminate_on_nan check_finite",
    "Lightning 2 has no such option": (
        "ipus process_position log_gpu_memory move_metrics_to_cpu multiple_trainloader_mode "
        "prepare_data_per_node truncated_bptt_steps track_grad_norm flush_logs_every_n_steps "
        "stochastic_weight_avg"
    ),
}
# Classes of Lightning that need another package: its module, and what pip calls it.
NEEDED = {
    "CometLogger": ("comet_ml", "comet-ml"),
    "LitLogger": ("litlogger", "litlogger"),
    "MLFlowLogger": ("mlflow", "mlflow"),
    "TensorBoardLogger": ("tensorboard", "tensorboard"),
    "WandbLogger": ("wandb", "wandb"),
    "RichModelSummary": ("rich", "rich"),
    "RichProgressBar": ("rich", "rich"),
}
# Classes of Lightning that are there to be derived from.
BASES = {"Callback", "Checkpoint", "Logger", "ProgressBar"}
# The callbacks that every fit has; they have their own options, or none.
OURS = {
    *("BestWeights", "LearningRateSearch", "FiniteGuard"),
    *("EpochProgress", "WriteRunRecord", "ResumePoint"),
}
ANSWERS = {name: f"use {option}" for option, names in OTHER_NAMES.items() for name in names.split()}
ANSWERS |= {name: reason for reason, names in NOT_OPTIONS.items() for name in names.split()}


def hint(name: str, known: Collection[str], dashes: str = "--") -> str:
    """The end of a message about the option ``name``, given without dashes: what to do instead.

    known: names of the options that there are, with their sections. dashes: empty for a file, in
    which a key is below its section.
    """
    section, _, key = name.rpartition(".")
    inside = [each for each in known if each.rpartition(".")[0] == section]
    meant = most_like(key, inside, 0.8)
    if not meant:
        outside = {name.partition(".")[0]} - {each.partition(".")[0] for each in known}
        for each in (key, *outside):
            if each in ANSWERS:
                return f"; {ANSWERS[each]}"
        meant = most_like(key, inside, 0.6) or most_like(key, known, 0.6)
    shown = meant if dashes else meant.removeprefix(f"{section}.")
    return f"; did you mean {dashes + shown!r}?" if meant else ""


def most_like(key: str, known: Collection[str], ratio: float) -> str:
    """The name in ``known`` whose last part is most like ``key``; empty if none is alike enough."""
    keys = {each.rpartition(".")[2]: each for each in known}
    close = get_close_matches(key, keys, n=1, cutoff=ratio)
    return keys[close[0]] if close else ""


def problem_of_class(path: str, package: str) -> str | None:
    """Why a class cannot be used, as far as that is known without importing it; None: it may do.

    path: of the class; its name alone means a class of ``package``.
    """
    rest, _, name = path.rpartition(".")
    if path.startswith("lightning_cifar.") or name in OURS:
        return f"{name} is part of every fit already; leave it out"
    if path.startswith("pytorch_lightning."):
        return f"{path} belongs to another package; use lightning.pytorch instead"
    if "/" in path or path.endswith(".yaml"):
        return f"there is no file {path}"
    if rest not in ("", package):
        top = path.partition(".")[0]
        missing = find_spec(top) is None if top else True
        return f"cannot import {path!r}: no package {top!r} is installed" if missing else None
    known = sorted(each for each in public_names(package) if not each.startswith("Base"))
    if name not in known:
        usable = [each for each in known if each not in BASES]
        starting = [each for each in usable if each.lower().startswith(name.lower())]
        meant = nearest([*starting, name][0], usable, 0.75) or f"; it has {', '.join(usable)}"
        return f"Lightning has no class {path!r}{meant}"
    module, distribution = NEEDED.get(name, (None, None))
    if module is None or find_spec(module) is not None:
        return None
    return f"{name} needs a package that is not installed; run: pip install {distribution}"
