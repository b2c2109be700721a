"""The one place where data, classifiers and callbacks meet."""

import os
import re
import shutil
import signal
import tempfile
import traceback
from argparse import ArgumentError
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, final

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_cifar.classifiers import DenseClassifier, variant_of
from lightning_cifar.cli.endings import end_of_fit, how_to_resume, metrics_line, selection_rule
from lightning_cifar.cli.launchers import OURS
from lightning_cifar.cli.messages import one_line, plain_message, refused_by_trainer
from lightning_cifar.cli.options import TRAINER_DEFAULTS
from lightning_cifar.cli.settings import check_settings, plain_settings
from lightning_cifar.data.datamodule import CIFAR10DataModule
from lightning_cifar.errors import InputError, Interrupted, failure
from lightning_cifar.rate_search.callback import LearningRateSearch
from lightning_cifar.runs import folders, resuming
from lightning_cifar.runs.checkpoints import SealedCheckpoints
from lightning_cifar.runs.configuration import write_config
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.confusion import ConfusionMatrix
from lightning_cifar.training.finite_guard import FiniteGuard
from lightning_cifar.training.foreign_callbacks import check_callbacks, check_precision
from lightning_cifar.training.processes import (
    check_strategy,
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
from lightning_cifar.uncertainty.judging_images import Judging, check_judging_images
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

    def add_core_arguments_to_parser(self, parser: LightningArgumentParser) -> None:
        """Those of the trainer, the model and the data, with the types that Lightning means."""
        super().add_core_arguments_to_parser(parser)
        tell_one_batch_from_all(parser)

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
            callbacks.append(ConfusionMatrix(self.folder if self.config.test.run else None))
        fixed = {
            "callbacks": callbacks,
            "default_root_dir": str(self.folder),
            "plugins": [*as_list(options["plugins"]), SealedCheckpoints()],
        }
        try:
            check_callbacks(as_list(options["callbacks"]), logger=bool(options["logger"]))
            trainer = NotingTrainer(**{**options, **fixed, **kwargs})
            check_precision(trainer)
            check_strategy(trainer, options["strategy"])
            return trainer
        except InputError:
            self._discard_if_unused()
            raise
        except LIGHTNINGS_ERRORS as error:
            self._discard_if_unused()
            if isinstance(error, RuntimeError) and not raised_in_lightning(error):
                raise
            raise refused_by_trainer(options, error) from error

    def _fit_callbacks(self) -> list[Callback]:
        """In the order in which they must act at the end of an epoch."""
        given = self.config_init[self.given]
        guards = [given.learning_rate_search, FiniteGuard(), EpochProgress()]
        return [*guards, given.early_stopping, WriteRunRecord(self.settings), ResumePoint()]

    def _run_folder(self) -> Path:
        options = self.config[self.given]
        wanted = Path(options.run) if options.run else None
        if self.given != "fit" or options.resume:
            return folders.existing_run(wanted) if wanted is not None else folders.RUNS_FOLDER
        if not first_process():
            return Path(os.environ[FOLDER_VARIABLE])
        if self._tries_the_code():
            folder = Path(tempfile.mkdtemp(prefix="lightning-cifar-"))
        else:
            folder = folders.new_run_folder(wanted, folders.RUNS_FOLDER, variant_of(self.model))
        os.environ[FOLDER_VARIABLE] = str(folder)
        write_config(self.settings, folder)  # before all that takes time and can be killed
        return folder

    def _tries_the_code(self) -> bool:
        """Whether this is a ``fast_dev_run``, which leaves no run."""
        return bool(self._get(self.config, "trainer").fast_dev_run)

    def _discard_if_unused(self) -> None:
        """Remove the folder that this call made, if nothing came of it."""
        if self.given == "fit" and not self._get(self.config, "resume") and first_process():
            folders.discard_if_unused(self.folder)

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
        with folders.locked(self.folder) if self.trainer.is_global_zero else nullcontext():
            if self.config.fit.resume:
                resuming.check_unchanged(resuming.saved_settings(self.folder), self.settings)
                reason = resuming.reason_it_ended(self.folder, self.settings)
                if reason is not None:
                    rank_zero_print(
                        f"{self.folder} is finished ({reason}); there is nothing to continue"
                    )
                    return
                resuming.check_same_images(self.folder, lambda: datamodule.fingerprint)
                checkpoint = resuming.resume_point(self.folder, self.settings)
            if self._tries_the_code() and model.learning_rate is None:
                model.learning_rate = NOMINAL_RATE
            try:
                with in_one_line(), noticing_lost_processes(self.trainer):
                    self.trainer.fit(model, datamodule, ckpt_path=checkpoint)
            except InputError:
                self._discard_if_unused()
                raise
            except OSError as error:  # a full disk, or a reader of the output that has gone
                if not self.folder.is_dir():
                    raise
                advice = f"to continue: {how_to_resume(self.folder)}"
                raise InputError(f"{failure(error)}; {advice}") from error
            except SystemExit as error:
                # An exit without a code would look like a fit that is done.
                advice = f"to continue: {how_to_resume(self.folder)}"
                if isinstance(error, SIGTERMException):
                    raise Interrupted(f"terminated; {advice}", TERMINATED) from error
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise Interrupted(f"interrupted; {advice}") from error
                raise
        if self._tries_the_code():
            if self.trainer.is_global_zero:
                shutil.rmtree(self.folder)
            rank_zero_print("fast_dev_run: training and validation ran; no run was written")
        elif self.trainer.is_global_zero:
            print(end_of_fit(self.folder))

    def validate(self, model: DenseClassifier, datamodule: CIFAR10DataModule, **_: Any) -> None:
        """Loss and accuracy of a run's best weights on its validation images."""
        self._evaluate("val", self.trainer.validate, model, datamodule)

    def test(self, model: DenseClassifier, datamodule: CIFAR10DataModule, **_: Any) -> None:
        """Loss and accuracy of a run's best weights on the test images."""
        self._evaluate("test", self.trainer.test, model, datamodule)

    def _evaluate(
        self, stage: str, run: Any, model: DenseClassifier, datamodule: CIFAR10DataModule
    ) -> None:
        """Print the figures, and compare with Monte Carlo dropout if that was asked for."""
        options = self.config[self.given]
        if options.mc_samples is not None:
            require_sampling(model, options.mc_samples)
        if options.run:
            part: Judging = "test" if stage == "test" else "validation"
            fitted_on = () if options.mc_samples is None else ("validation",)
            check_judging_images(self.folder, datamodule, part, *fitted_on)
        with in_one_line(), noticing_lost_processes(self.trainer):
            run(model, datamodule, ckpt_path=self._checkpoint(), verbose=False)
        self._print_metrics(stage)
        if options.mc_samples is None or not self.trainer.is_global_zero:
            return
        datamodule.setup("validate")  # the temperature is fitted on the validation images
        validation = datamodule.validation_images
        images = datamodule.test_images if stage == "test" else validation
        comparison = compare_predictions(
            *(model, images, validation), samples=options.mc_samples, seed=options.seed_everything
        )
        print(comparison_text(comparison))
        if options.run:
            for file in write_comparison(comparison, self.folder, stage):
                print(f"wrote {file}")

    def _checkpoint(self) -> Path:
        """The checkpoint that was named, or the best one of the run that was named."""
        options = self.config[self.given]
        if options.ckpt_path:
            return Path(options.ckpt_path)
        if not options.run:
            raise InputError(f"'{self.given}' needs weights: give --run FOLDER of a fit")
        return folders.best_checkpoint(self.folder)

    def _print_metrics(self, stage: str) -> None:
        rank_zero_print(metrics_line(self.trainer, stage))
        options = self.config[self.given]
        # Of weights that were named the record of a run says nothing.
        rule = selection_rule(self.folder) if options.run and not options.ckpt_path else ""
        if rule:
            rank_zero_print(rule)


def tell_one_batch_from_all(parser: LightningArgumentParser) -> None:
    """Let a trainer's limits take 1 as a whole number, a single batch, and not as 1.0.

    Their type is ``int | float | None``. But ``typing`` hands out one object for all unions of the
    same members, in the order in which the first was written, which is another library's.
    """
    for action in parser._actions:
        if re.fullmatch(r"trainer\.(limit_\w+|overfit)_batches", action.dest):
            action._typehint = int | float | None  # type: ignore[attr-defined]


def as_list(value: Any) -> list[Any]:
    """One, several or none of something, as Lightning takes them."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


@contextmanager
def in_one_line() -> Iterator[None]:
    """Let what Lightning itself refuses be a line, and no traceback."""
    try:
        yield
    except LIGHTNINGS_ERRORS as error:
        if not raised_in_lightning(error):
            raise
        raise InputError(f"Lightning refuses these settings: {one_line(error)}") from error


def raised_in_lightning(error: Exception) -> bool:
    """Whether Lightning itself raised an error, because it refuses a setting."""
    frames = traceback.walk_tb(error.__traceback__)
    *_, (innermost, _) = frames
    return str(innermost.f_globals.get("__name__", "")).startswith("lightning.")


def run_command(arguments: list[str]) -> None:
    """Parse and run one line of ``with_configs_composed``; InputError for values of no use."""
    os.environ[OURS] = str(os.getpid())
    quieten()
    try:
        CIFARCommand(arguments)
    except (ArgumentError, ValueError) as error:
        if isinstance(error, ValueError) and "Does not validate" not in str(error):
            raise
        raise InputError(plain_message(error)) from error
