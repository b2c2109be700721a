"""The one place where data, classifiers and callbacks meet."""

import os
import signal
from argparse import ArgumentError
from contextlib import nullcontext
from pathlib import Path
from shlex import quote
from typing import Any, final

import yaml
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.cli import ArgsType, LightningArgumentParser, LightningCLI
from lightning.pytorch.utilities.exceptions import SIGTERMException

from lightning_cifar.classifiers import VARIANTS, DenseClassifier, variant_of
from lightning_cifar.cli.argument_errors import (
    check_least,
    check_nulls,
    plain_message,
    refused_by_trainer,
)
from lightning_cifar.cli.arguments import CALL_KEYS, TRAINER_DEFAULTS
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
from lightning_cifar.runs.resuming import (
    check_unchanged,
    reason_it_ended,
    resume_point,
    saved_settings,
)
from lightning_cifar.training.best_weights import BestWeights
from lightning_cifar.training.finite_guard import FiniteGuard
from lightning_cifar.training.processes import (
    first_process,
    noticing_lost_processes,
    rank_zero_print,
)
from lightning_cifar.training.progress import EpochProgress
from lightning_cifar.training.quiet import quieten
from lightning_cifar.training.resume import ResumePoint
from lightning_cifar.training.run_record import WriteRunRecord
from lightning_cifar.uncertainty.evaluation import (
    compare_predictions,
    require_sampling,
    write_comparison,
)
from lightning_cifar.uncertainty.report import comparison_text

RUNS_FOLDER = Path("runs")
TERMINATED = 128 + signal.SIGTERM
# Tells the processes that a trainer starts, which run the same command line, where the run lies.
FOLDER_VARIABLE = "LIGHTNING_CIFAR_RUN_FOLDER"

# Arguments of Trainer.fit, test, … that a run folder makes superfluous.
UNUSED_ARGUMENTS = {
    *("model", "datamodule", "dataloaders", "train_dataloaders", "val_dataloaders"),
    *("weights_only", "verbose", "return_predictions"),
}

# Lightning takes a 0 for these, and then divides by it or finds nothing to judge an epoch by.
TRAINER_LEAST = {"accumulate_grad_batches": 1, "check_val_every_n_epoch": 1}
SECTIONS: dict[str, type] = {
    "data": CIFAR10DataModule,
    "learning_rate_search": LearningRateSearch,
    "early_stopping": BestWeights,
}


@final
class CIFARCommand(LightningCLI):
    """LightningCLI with run folders: ``fit`` makes one, the other commands read it."""

    @staticmethod
    def subcommands() -> dict[str, set[str]]:
        """The commands, each with the Trainer arguments that are not offered."""
        return {name: UNUSED_ARGUMENTS for name in ("fit", "validate", "test")}

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

    def parse_arguments(self, parser: LightningArgumentParser, args: ArgsType) -> None:
        """Parse exactly ``args``; Lightning warns when there are any in ``sys.argv`` too."""
        self.config = parser.parse_args(args)  # type: ignore[arg-type]
        seed = self.config[self.config.subcommand].seed_everything
        if not 0 <= seed < 2**32:
            raise InputError(f"seed_everything is {seed}; it must be between 0 and {2**32 - 1}")

    def _parse_ckpt_path(self) -> None:
        """Leave the command line alone: Lightning lets a checkpoint's settings override it."""

    def instantiate_trainer(self, **kwargs: Any) -> Trainer:
        """Make or find the run folder, and add the callbacks that every run has."""
        options = self._get(self.config_init, "trainer")
        self.folder = self._run_folder()
        callbacks = list(options["callbacks"] or [])
        if self.subcommand == "fit":
            callbacks += self._fit_callbacks()
        fixed = {
            "callbacks": callbacks,
            "default_root_dir": str(self.folder),
            "plugins": [*(options["plugins"] or []), SealedCheckpoints()],
        }
        try:
            return Trainer(**{**options, **fixed, **kwargs})
        except (ValueError, TypeError, MisconfigurationException) as error:
            self._discard_if_begun_in_vain()
            raise refused_by_trainer(options, error) from error

    def _fit_callbacks(self) -> list[Callback]:
        """In the order in which they must act at the end of an epoch."""
        search, best = (
            self._get(self.config_init, key) for key in ("learning_rate_search", "early_stopping")
        )
        guards = [FiniteGuard(), EpochProgress()]
        return [search, *guards, best, WriteRunRecord(self._settings()), ResumePoint()]

    def _run_folder(self) -> Path:
        run, resume = (self._get(self.config, key) for key in ("run", "resume"))
        wanted = Path(run) if run else None
        if self.subcommand != "fit" or resume:
            return existing_run(wanted) if wanted is not None else RUNS_FOLDER
        if not first_process():
            return Path(os.environ[FOLDER_VARIABLE])
        folder = new_run_folder(wanted, RUNS_FOLDER, variant_of(self.model))
        os.environ[FOLDER_VARIABLE] = str(folder)
        write_config(self._settings(), folder)  # before all that takes time and can be killed
        return folder

    def _discard_if_begun_in_vain(self) -> None:
        """Remove the folder that this call made, if nothing came of it."""
        if self.subcommand == "fit" and not self._get(self.config, "resume") and first_process():
            discard_if_unused(self.folder)

    def _settings(self) -> dict[str, Any]:
        """The resolved configuration as plain values, without what belongs to this call alone."""
        parser = self._parser(self.subcommand)
        text = parser.dump(self.config[self.subcommand], skip_unset=False, format="yaml")
        settings = yaml.safe_load(text)
        return {key: value for key, value in settings.items() if key not in CALL_KEYS}

    def before_instantiate_classes(self) -> None:
        """Refuse options of another command."""
        options = self.config[self.subcommand]
        if self.subcommand == "fit" and options.trainer.limit_val_batches == 0:
            raise InputError("trainer.limit_val_batches is 0; an epoch is judged by validation")
        if self.subcommand == "fit" and options.mc_samples is not None:
            raise InputError("fit takes no --mc_samples: 'test', 'validate' and 'predict' do")
        if options.resume and not options.run:
            raise InputError("--resume needs to know which run: add --run FOLDER")
        if self.subcommand != "fit" and options.resume:
            raise InputError(f"{self.subcommand} takes no --resume: it continues a 'fit'")
        check_least("trainer", options.trainer.as_dict(), TRAINER_LEAST)
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
                settings = self._settings()
                check_unchanged(saved_settings(self.folder), settings)
                reason = reason_it_ended(self.folder, settings)
                if reason is not None:
                    rank_zero_print(
                        f"{self.folder} is finished ({reason}); there is nothing to continue"
                    )
                    return
                checkpoint = resume_point(self.folder, settings)
            try:
                with noticing_lost_processes(self.trainer):
                    self.trainer.fit(model, datamodule, ckpt_path=checkpoint)
            except InputError:
                self._discard_if_begun_in_vain()
                raise
            except SystemExit as error:
                command = f"lightning-cifar fit --run {quote(str(self.folder))} --resume"
                # An exit without a code would look like a fit that is done.
                if isinstance(error, SIGTERMException):
                    raise Interrupted(f"terminated; to continue: {command}", TERMINATED) from error
                if isinstance(error.__context__, KeyboardInterrupt):
                    raise Interrupted(f"interrupted; to continue: {command}") from error
                raise
        if self.trainer.is_global_zero:
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
        rank_zero_print(text)


def run_command(arguments: list[str]) -> None:
    """Parse and run one command line, as ``arguments.with_configs_composed`` returns it.

    Raises:
        InputError: a value cannot be used.
    """
    quieten()
    try:
        CIFARCommand(
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
    except ArgumentError as error:
        raise InputError(plain_message(error.message)) from error
    except ValueError as error:
        if "Does not validate" not in str(error):
            raise
        raise InputError(plain_message(str(error))) from error
