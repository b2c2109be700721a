"""The options of ``study``; what takes seconds to import is imported once they have been read."""

from pathlib import Path

from lightning_cifar.cli.plain_parser import Parser
from lightning_cifar.errors import InputError


def study(arguments: list[str]) -> int:
    """Train variants over many seeds; goes on where an interrupted study was."""
    parser = Parser("lightning-cifar study", description=study.__doc__)
    parser.add_argument("--config", required=True, help="study file, or the name of a shipped one")
    parser.add_argument("--out", type=Path, required=True, help="folder, new or to go on with")
    parser.add_argument("--set_ups", nargs="+", default=[], help="only these; by default all")
    parser.add_argument("--seeds", type=int, help="how many, instead of the number in the file")
    parser.add_argument("--shard", default="1/1", help="i/n: the i-th of n shares of the jobs")
    parser.add_argument("--redo_damaged", action="store_true", help="run damaged records again")
    parser.add_argument("--engine", choices=["local", "ray"], default="local")
    parser.add_argument("--workers", type=int, help="local: jobs at once; by default one a core")
    parser.add_argument("--gpus_per_run", type=float, help="ray: share of a GPU for a job")
    parser.add_argument("--trainer.accelerator", help="as for fit")
    for name in ("source", "path", "cache"):
        parser.add_argument(f"--data.{name}", help="as for fit")
    options = parser.parse_args(arguments)
    check_engine(options.engine, options.workers, options.gpus_per_run)
    from lightning_cifar.study.run_study import run_study

    return run_study(options)


def check_engine(engine: str, workers: int | None, gpus: float | None) -> None:
    """Refuse options of the other engine, and numbers that are no share or count."""
    if workers is not None and (engine != "local" or workers < 1):
        raise InputError(
            f"--workers must be at least 1 and goes with --engine local, got {workers}"
        )
    if gpus is not None and (engine != "ray" or not 0 <= gpus < 1e3):
        raise InputError(f"--gpus_per_run must be 0 or more and goes with --engine ray, got {gpus}")
