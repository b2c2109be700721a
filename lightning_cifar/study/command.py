"""The options of ``study``; what takes seconds to import is imported once they have been read."""

from pathlib import Path

from lightning_cifar.cli.help import Parser
from lightning_cifar.errors import InputError


def study(arguments: list[str]) -> int:
    """Train variants over many seeds. The same command continues a study that was interrupted."""
    parser = Parser("lightning-cifar study", description=study.__doc__)
    add = parser.add_argument
    add("--config", required=True, metavar="NAME", help="study file, or the name of a shipped one")
    add("--out", type=Path, required=True, metavar="FOLDER", help="folder of the study's records")
    add("--set_ups", nargs="+", default=[], metavar="NAME", help="only these; by default all")
    add("--seeds", type=int, metavar="N", help="seeds 0 to N-1, instead of the number in the file")
    add("--shard", default="1/1", metavar="I/N", help="train only share I of N of the jobs [1/1]")
    add("--redo_damaged", action="store_true", help="train again where a record is damaged")
    add("--engine", choices=["local", "ray"], default="local", help="what runs the jobs [local]")
    add("--workers", type=int, metavar="N", help="local: jobs at once; by default one per core")
    add("--gpus_per_run", type=float, metavar="SHARE", help="ray: share of a GPU for each job")
    for name in ("trainer.accelerator", "data.source", "data.path", "data.cache"):
        add(f"--{name}", metavar="VALUE", help="as for fit")
    options = parser.parse_args(arguments)
    workers, gpus, is_local = options.workers, options.gpus_per_run, options.engine == "local"
    if workers is not None and (not is_local or workers < 1):
        raise InputError(
            f"--workers must be at least 1 and goes with --engine local, got {workers}"
        )
    if gpus is not None and (is_local or not 0 <= gpus < 1e3):
        raise InputError(f"--gpus_per_run must be 0 or more and goes with --engine ray, got {gpus}")
    from lightning_cifar.study.run_study import run_study

    return run_study(options)
