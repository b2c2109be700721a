"""Lightning's command as far as its options are parsed, and nothing is done yet."""

from jsonargparse import Namespace
from small_runs import small_classifier

from lightning_cifar.cli.command import CIFARCommand

CALL = {"run": None, "resume": False, "mc_samples": None, "ckpt_path": None, "seed_everything": 5}
SECTIONS = {"learning_rate_search": "search", "early_stopping": "stopping"}
TRAINER = {
    **{"fast_dev_run": False, "callbacks": None, "plugins": None, "logger": False},
    **{"profiler": None, "enable_model_summary": False, "strategy": "auto"},
}


def parsed(given="fit", trainer=(), **options):
    """The command ``given`` with these options; trainer: those of the trainer."""
    one = object.__new__(CIFARCommand)
    of_trainer = {"trainer": Namespace(**TRAINER | dict(trainer))}
    one.given = one.subcommand = given
    one.config = one.config_init = Namespace(
        **{given: Namespace(**CALL | SECTIONS | of_trainer | options)}
    )
    one.settings = {"data": {"batch_size": 3}}
    one.model = small_classifier()
    return one
