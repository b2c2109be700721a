"""The one place where data, classifiers and callbacks meet."""

import math
import os
import shutil
import signal
import tempfile
import traceback
from argparse import ArgumentError
from contextlib import nullcontext
from enum import Enum
from functools import cached_property
from pathlib import Path
from shlex import quote
from typing import Any, final

import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_cifar.classifiers import VARIANTS, DenseClassifier, variant_of
from lightning_cifar.cli.launchers import OURS
from lightning_cifar.cli.messages import (
    check_least,
    check_nulls,
    one_line,
    plain_message,
    refused_by_trainer,
)
from lightning_cifar.cli.options import CALL_KEYS, TRAINER_DEFAULTS
from lightning_cifar.cli.trainer_options import LEAST, check_trainer_options
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError, Interrupted
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.checkpoints import SealedCheckpoints
from lightning_cifar.runs.configuration import write_config
from lightning_cifar.runs.folders import (
    best_checkpoint,
    discard_if_unused,
    existing_run,
    held,
    new_run_folder,
)
from lightning_cifar.runs.records import FINISHED, RECORD_FILE, read_record
from lightning_cifar.runs.resuming import (
    PATHS,
    check_unchanged,
    reason_it_ended,
    resume_point,
    saved_settings,
)
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.confusion import ConfusionMatrix
from lightning_cifar.training.finite_guard import FiniteGuard
from lightning_cifar.training.foreign_callbacks import check_callbacks, check_precision
from lightning_cifar.training.processes import (
    first_process,
    noticing_lost_processes,
    rank_zero_print,
)
from lightning_cifar.training.progress import EpochProgress
from lightning_cifar.training.quiet import let_speak, quieten
from lightning_cifar.training.resume import ResumePoint
from lightning_cifar.training.run_record import WriteRunRecord
from lightning_cifar.training.trainer import NotingTrainer
from lightning_cifar.uncertainty.evaluation import (
    compare_predictions,
    require_sampling,
    write_comparison,
)
from lightning_cifar.uncertainty.report import comparison_text

RUNS_FOLDER = Path("runs")
# Lightning's enumerations, as a configuration file writes them.
yaml.SafeDumper.add_multi_representer(
    Enum, lambda dumper, value: dumper.represent_str(str(value.value))
)
TERMINATED = 128 + signal.SIGTERM
LIGHTNINGS_ERRORS = (
    *(MisconfigurationException, ValueError, TypeError, RuntimeError, NotImplementedError),
    ImportError,
)
# Tells the processes that a trainer starts, which run the same command line, where the run lies.
FOLDER_VARIABLE = "LIGHTNING_CIFAR_RUN_FOLDER"

# Arguments of Trainer.fit, test, … that a run folder makes superfluous.
UNUSED_ARGUMENTS = {
    *("model", "datamodule", "dataloaders", "train_dataloaders", "val_dataloaders"),
    *("weights_only", "verbose", "return_predictions"),
}

# What a fast_dev_run trains its one batch with, if no rate is given: it is not worth a search.
NOMINAL_RATE = 1e-3
SECTIONS: dict[str, type] = {
    "data": CIFAR10DataModule,
    "learning_rate_search": LearningRateSearch,
    "early_stopping": BestWeights,
}


@final
class CIFARCommand(LightningCLI):
    """LightningCLI with run folders: ``fit`` makes one, the other commands read it."""

    def __init__(self, arguments: list[str]) -> None:
        self.given = arguments[0]
        super().__init__(
            DenseClassifier,
            CIFAR10DataModule,
            save_config_callback=None,
            trainer_defaults=TRAINER_DEFAULTS,
            seed_everything_default=0,
            subclass_mode_model=True,
            auto_configure_optimizers=False,
            load_from_checkpoint_support=False,
            parser_kwargs={"exit_on_error": False, "prog": "lightning-cifar"},
            args=arguments,
        )

    def subcommands(self) -> dict[str, set[str]]:  # type: ignore[override]  # Lightning's is static
        """The given command alone, as a parser takes long to make; and what it does not offer."""
        return {self.given: UNUSED_ARGUMENTS}

    def add_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Options beside those of the trainer, the model and the data."""
        parser.add_argument("--run", type=str | None, help="run folder, to write or to read")
        parser.add_argument("--resume", action="store_true", help="continue the fit in --run")
        parser.add_argument(
            "--mc_samples", type=int | None, help="compare with so many Monte Carlo samples"
        )
        parser.add_lightning_class_args(LearningRateSearch, "learning_rate_search")
        parser.add_lightning_class_args(BestWeights, "early_stopping")
        parser.link_arguments("seed_everything", "model.init_args.seed", compute_fn=int)
        parser.link_arguments("seed_everything", "data.seed", compute_fn=int)
        for source, target in (("class_count", "classes"), ("image_size", "image_size")):
            parser.link_arguments(
                f"data.{source}", f"model.init_args.{target}", apply_on="instantiate"
            )

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse exactly ``args``; Lightning warns when there are any in ``sys.argv`` too."""
        self.config = parser.parse_args(args)  # type: ignore[arg-type]

    def _parse_ckpt_path(self) -> None:
        """Leave the command line alone: Lightning lets a checkpoint's settings override it."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Make or find the run folder, and add the callbacks that every run has."""
        options = self._get(self.config_init, "trainer")
        self.folder = self._run_folder()
        callbacks = as_list(options["callbacks"])
        let_speak(profiler=bool(options["profiler"]), summary=bool(options["enable_model_summary"]))
        if self.subcommand == "fit":
            callbacks += self._fit_callbacks()
        elif self.subcommand == "test":
            callbacks.append(
                ConfusionMatrix(self.folder if self._get(self.config, "run") else None)
            )
        fixed = {
            "callbacks": callbacks,
            "default_root_dir": str(self.folder),
            "plugins": [*as_list(options["plugins"]), SealedCheckpoints()],
        }
        try:
            check_callbacks(as_list(options["callbacks"]), logger=bool(options["logger"]))
            trainer = NotingTrainer(**{**options, **fixed, **kwargs})
            check_precision(trainer)
            return trainer
        except InputError:
            self._discard_if_begun_in_vain()
            raise
        except (ValueError, TypeError, ImportError, MisconfigurationException) as error:
            self._discard_if_begun_in_vain()
            raise refused_by_trainer(options, error) from error

    def _fit_callbacks(self) -> list[Callback]:
        """In the order in which they must act at the end of an epoch."""
        search, best = (
            self._get(self.config_init, key) for key in ("learning_rate_search", "early_stopping")
        )
        guards = [FiniteGuard(), EpochProgress()]
        return [search, *guards, best, WriteRunRecord(self.settings), ResumePoint()]

    def _run_folder(self) -> Path:
        run, resume = (self._get(self.config, key) for key in ("run", "resume"))
        wanted = Path(run) if run else None
        if self.subcommand != "fit" or resume:
            return existing_run(wanted) if wanted is not None else RUNS_FOLDER
        if not first_process():
            return Path(os.environ[FOLDER_VARIABLE])
        if self._tries_the_code():
            folder = Path(tempfile.mkdtemp(prefix="lightning-cifar-"))
        else:
            folder = new_run_folder(wanted, RUNS_FOLDER, variant_of(self.model))
        os.environ[FOLDER_VARIABLE] = str(folder)
        write_config(self.settings, folder)  # before all that takes time and can be killed
        return folder

    def _tries_the_code(self) -> bool:
        """Whether this is a ``fast_dev_run``, which leaves no run."""
        return bool(self._get(self.config, "trainer").fast_dev_run)

    def _discard_if_begun_in_vain(self) -> None:
        """Remove the folder that this call made, if nothing came of it."""
        if self.subcommand == "fit" and not self._get(self.config, "resume") and first_process():
            discard_if_unused(self.folder)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The resolved configuration as plain values, without what belongs to this call alone."""
        parser = self._parser(self.subcommand)
        text = parser.dump(self.config[self.subcommand], skip_unset=False, format="yaml")
        settings = yaml.safe_load(text)
        made_absolute(settings)
        return {key: value for key, value in settings.items() if key not in CALL_KEYS}

    def before_instantiate_classes(self) -> None:
        """Refuse options of another command, and values that leave nothing to do."""
        options = self.config[self.subcommand]
        fits = self.subcommand == "fit"
        if fits and options.mc_samples is not None:
            raise InputError("fit takes no --mc_samples: 'test', 'validate' and 'predict' do")
        if fits and options.ckpt_path is not None:
            raise InputError(
                f"fit takes no --ckpt_path ({options.ckpt_path}): it would train from scratch; to "
                "go on with a run: fit --run FOLDER --resume"
            )
        if options.resume and not options.run:
            raise InputError("--resume needs to know which run: add --run FOLDER")
        if not fits and options.resume:
            raise InputError(f"{self.subcommand} takes no --resume: it continues a 'fit'")
        if options.resume and options.trainer.fast_dev_run:
            raise InputError("trainer.fast_dev_run keeps nothing; leave it or --resume out")
        check_trainer_options(str(self.subcommand), options.trainer.as_dict())
        check_least("trainer", options.trainer.as_dict(), LEAST)
        if fits and options.model.init_args.get("schedule") == "one_cycle":
            check_length(options.trainer.max_epochs, options.trainer.max_steps)
        name = options.model.class_path.rpartition(".")[2]
        variant = next(each for each in VARIANTS.values() if each.__name__ == name)
        check_nulls("model.init_args", options.model.init_args.as_dict(), variant)
        for section, kind in SECTIONS.items():
            check_nulls(section, options[section].as_dict(), kind)

    def fit(self, model: DenseClassifier, datamodule: CIFAR10DataModule, **_: Any) -> None:
        """Train, and say where the run lies."""
        checkpoint = None
        with held(self.folder) if self.trainer.is_global_zero else nullcontext():
            if self._get(self.config, "resume"):
                check_unchanged(saved_settings(self.folder), self.settings)
                reason = reason_it_ended(self.folder, self.settings)
                if reason is not None:
                    rank_zero_print(
                        f"{self.folder} is finished ({reason}); there is nothing to continue"
                    )
                    return
                checkpoint = resume_point(self.folder, self.settings)
            if self._tries_the_code() and model.learning_rate is None:
                model.learning_rate = NOMINAL_RATE
            try:
                with noticing_lost_processes(self.trainer):
                    self.trainer.fit(model, datamodule, ckpt_path=checkpoint)
            except InputError:
                self._discard_if_begun_in_vain()
                raise
            except LIGHTNINGS_ERRORS as error:
                if not raised_in_lightning(error):
                    raise
                self._discard_if_begun_in_vain()
                raise InputError(f"Lightning refuses these settings: {one_line(error)}") from error
            except SystemExit as error:
                # An exit without a code would look like a fit that is done.
                if isinstance(error, SIGTERMException):
                    message = f"terminated; to continue: {self._resuming()}"
                    raise Interrupted(message, TERMINATED) from error
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise Interrupted(f"interrupted; to continue: {self._resuming()}") from error
                raise
        if self.trainer.is_global_zero:
            self._print_end()

    def _resuming(self) -> str:
        """The command that continues this fit."""
        return f"lightning-cifar fit --run {quote(str(self.folder))} --resume"

    def _print_end(self) -> None:
        """Say why training ended, what was kept, and how to go on if it was cut short."""
        if self._tries_the_code():
            shutil.rmtree(self.folder)
            print("fast_dev_run: training and validation ran; no run was written")
            return
        record = read_record(self.folder / RECORD_FILE)
        print(f"ended: {record.stop_reason}")
        if record.best is None:
            print("nothing was validated, so no weights were kept")
        if record.stop_kind not in FINISHED:
            print(f"to continue: {self._resuming()}")
        print(f"run folder: {self.folder}")

    def validate(self, model: DenseClassifier, datamodule: CIFAR10DataModule, **_: Any) -> None:
        """Loss and accuracy of a run's best weights on its validation images."""
        self._check_samples(model)
        with noticing_lost_processes(self.trainer):
            self.trainer.validate(model, datamodule, ckpt_path=self._checkpoint(), verbose=False)
        self._print_metrics("val")
        self._compare(model, datamodule, "val")

    def test(self, model: DenseClassifier, datamodule: CIFAR10DataModule, **_: Any) -> None:
        """Loss and accuracy of a run's best weights on the test images."""
        self._check_samples(model)
        with noticing_lost_processes(self.trainer):
            self.trainer.test(model, datamodule, ckpt_path=self._checkpoint(), verbose=False)
        self._print_metrics("test")
        self._compare(model, datamodule, "test")

    def _check_samples(self, model: DenseClassifier) -> None:
        samples = self._get(self.config, "mc_samples")
        if samples is not None:
            require_sampling(model, samples)

    def _compare(self, model: DenseClassifier, datamodule: CIFAR10DataModule, stage: str) -> None:
        """Set Monte Carlo dropout beside the deterministic prediction, where it was asked for."""
        samples = self._get(self.config, "mc_samples")
        if samples is None or not self.trainer.is_global_zero:
            return
        seed = self._get(self.config, "seed_everything")
        datamodule.setup("validate")  # the temperature is fitted on the validation images
        validation = datamodule.validation_images
        images = datamodule.test_images if stage == "test" else validation
        comparison = compare_predictions(model, images, validation, samples=samples, seed=seed)
        print(comparison_text(comparison))
        if self._get(self.config, "run"):
            for file in write_comparison(comparison, self.folder, stage):
                print(f"wrote {file}")

    def _checkpoint(self) -> Path:
        """The checkpoint that was named, or the best one of the run that was named."""
        named = self._get(self.config, "ckpt_path")
        if named:
            return Path(named)
        if not self._get(self.config, "run"):
            raise InputError(f"'{self.subcommand}' needs weights: give --run FOLDER of a fit")
        return best_checkpoint(self.folder)

    def _print_metrics(self, stage: str) -> None:
        metrics = self.trainer.callback_metrics
        loss, accuracy = metrics[f"{stage}_loss"], metrics[f"{stage}_accuracy"]
        text = f"{stage}_loss {float(loss):.4f}  {stage}_accuracy {float(accuracy):.2%}"
        for name in (f"{stage}_balanced_accuracy", f"{stage}_top5_accuracy"):
            if name in metrics:
                text += f"  {name} {float(metrics[name]):.2%}"
        limit = getattr(self.trainer, f"limit_{stage}_batches")
        part = "" if limit == 1.0 else f"  (limited: trainer.limit_{stage}_batches {limit})"
        rank_zero_print(text + part)
        rule = selection_rule(self.folder) if self._get(self.config, "run") else ""
        if rule:
            rank_zero_print(rule)


def check_length(epochs: int | None, steps: int) -> None:
    """Refuse a 1cycle schedule without an end: it is stretched over all steps.

    Raises:
        InputError: neither epochs nor steps are limited.
    """
    if steps == -1 and (epochs is None or epochs == -1):
        raise InputError(
            "model.schedule is one_cycle, which is stretched over all steps, and there is no last "
            "one; give --trainer.max_epochs or --trainer.max_steps"
        )


def made_absolute(settings: dict[str, Any]) -> None:
    """Write paths so that they can be found again from any working directory."""
    for key in PATHS:
        section, _, name = key.partition(".")
        if (settings.get(section) or {}).get(name):
            settings[section][name] = str(Path(settings[section][name]).expanduser().absolute())


def as_list(value: Any) -> list[Any]:
    """One, several or none of something, as Lightning takes them."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def selection_rule(folder: Path) -> str:
    """Which weights of a run were kept, in words; empty if its record does not say."""
    try:
        record = read_record(folder / RECORD_FILE)
    except InputError:
        return ""
    if record.best is None or math.isnan(record.best_score):
        return ""
    kind = {"min": "lowest", "max": "highest"}[record.mode]
    return (
        f"weights of epoch {record.best_epoch + 1}: the {kind} {record.monitor} "
        f"({record.best_score:.4f})"
    )


def raised_in_lightning(error: Exception) -> bool:
    """Whether Lightning itself has raised an error: it refuses something that it was told to do."""
    frames = traceback.walk_tb(error.__traceback__)
    *_, (innermost, _) = frames
    return str(innermost.f_globals.get("__name__", "")).startswith("lightning.")


def run_command(arguments: list[str]) -> None:
    """Parse and run one command line, as ``arguments.with_configs_composed`` returns it.

    Raises:
        InputError: a value cannot be used.
    """
    os.environ[OURS] = str(os.getpid())
    quieten()
    try:
        CIFARCommand(arguments)
    except ArgumentError as error:
        raise InputError(plain_message(error.message)) from error
    except ValueError as error:
        if "Does not validate" not in str(error):
            raise
        raise InputError(plain_message(str(error))) from error
