"""The one place where data, classifiers and callbacks meet."""

import os
import shutil
import signal
import tempfile
import traceback
from argparse import ArgumentError
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, final

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.cli.endings import (
    end_of_fit,
    how_to_resume,
    metrics_line,
    selection_rule,
)
from lightning_cifar.cli.launchers import OURS
from lightning_cifar.cli.messages import (
    one_line,
    plain_message,
    refused_by_trainer,
)
from lightning_cifar.cli.options import TRAINER_DEFAULTS
from lightning_cifar.cli.settings import check_settings, plain_settings
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError, Interrupted
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs.checkpoints import SealedCheckpoints
from lightning_cifar.runs.configuration import write_config
from lightning_cifar.runs.folders import (
    RUNS_FOLDER,
    best_checkpoint,
    discard_if_unused,
    existing_run,
    locked,
    new_run_folder,
)
from lightning_cifar.runs.resuming import (
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

TERMINATED = 128 + signal.SIGTERM
LIGHTNINGS_ERRORS = (
    *(MisconfigurationException, ValueError, TypeError, RuntimeError, NotImplementedError),
    ImportError,
)
# Tells the processes that a trainer starts, which run the same command line, the run's folder.
FOLDER_VARIABLE = "LIGHTNING_CIFAR_RUN_FOLDER"

# Arguments of Trainer.fit, test, … that a run folder makes superfluous.
UNUSED_ARGUMENTS = {
    *("model", "datamodule", "dataloaders", "train_dataloaders", "val_dataloaders"),
    *("weights_only", "verbose", "return_predictions"),
}

# What a fast_dev_run trains its one batch with, if no rate is given: it is not worth a search.
NOMINAL_RATE = 1e-3


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
        """Options other than those of the trainer, the model and the data."""
        parser.add_argument("--run", type=str | None, help="run folder, to write or to read")
        parser.add_argument("--resume", action="store_true", help="continue the fit in --run")
        parser.add_argument(
            "--mc_samples", type=int | None, help="compare with this many Monte Carlo samples"
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
        if self.given == "fit":
            callbacks += self._fit_callbacks()
        elif self.given == "test":
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
            self._discard_if_unused()
            raise
        except (ValueError, TypeError, ImportError, MisconfigurationException) as error:
            self._discard_if_unused()
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
        if self.given != "fit" or resume:
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

    def _discard_if_unused(self) -> None:
        """Remove the folder that this call made, if nothing came of it."""
        if self.given == "fit" and not self._get(self.config, "resume") and first_process():
            discard_if_unused(self.folder)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The resolved configuration, without what belongs to this call alone."""
        return plain_settings(self._parser(self.given), self.config[self.given])

    def before_instantiate_classes(self) -> None:
        """Refuse what this command cannot do, before anything is made."""
        check_settings(self.given, self.config[self.given])

    def fit(self, model: DenseClassifier, datamodule: CIFAR10DataModule, **_: Any) -> None:
        """Train, and print the run's folder."""
        checkpoint = None
        with locked(self.folder) if self.trainer.is_global_zero else nullcontext():
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
                self._discard_if_unused()
                raise
            except LIGHTNINGS_ERRORS as error:
                if not raised_in_lightning(error):
                    raise
                self._discard_if_unused()
                raise InputError(f"Lightning refuses these settings: {one_line(error)}") from error
            except SystemExit as error:
                # An exit without a code would look like a fit that is done.
                advice = f"to continue: {how_to_resume(self.folder)}"
                if isinstance(error, SIGTERMException):
                    raise Interrupted(f"terminated; {advice}", TERMINATED) from error
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise Interrupted(f"interrupted; {advice}") from error
                raise
        if self.trainer.is_global_zero:
            self._end()

    def _end(self) -> None:
        """Say why training ended; an attempt leaves nothing behind."""
        if self._tries_the_code():
            shutil.rmtree(self.folder)
            print("fast_dev_run: training and validation ran; no run was written")
        else:
            print(end_of_fit(self.folder))

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
        """Compare Monte Carlo dropout with the deterministic prediction, if it was asked for."""
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
            raise InputError(f"'{self.given}' needs weights: give --run FOLDER of a fit")
        return best_checkpoint(self.folder)

    def _print_metrics(self, stage: str) -> None:
        rank_zero_print(metrics_line(self.trainer, stage))
        rule = selection_rule(self.folder) if self._get(self.config, "run") else ""
        if rule:
            rank_zero_print(rule)


def as_list(value: Any) -> list[Any]:
    """One, several or none of something, as Lightning takes them."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def raised_in_lightning(error: Exception) -> bool:
    """Whether Lightning itself raised an error, because it refuses a setting."""
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
