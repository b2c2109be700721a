"""What Lightning says that is not for our users."""

import logging
import warnings

from lightning.fabric.strategies.launchers import subprocess_script


def quieten() -> None:
    """Keep Lightning's notes on hardware and tips out of what a user reads."""
    # Lightning 2.6 on torch 2.15; a note to its authors, not to our users.
    warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
    # The figures of an epoch are summed over the processes before they are logged.
    warnings.filterwarnings("ignore", message=".*sync_dist=True.*")
    # Figures are logged once an epoch, whatever the interval between steps.
    warnings.filterwarnings("ignore", message=".*smaller than the logging interval")
    # Of a callback's device, which no configuration file holds.
    warnings.filterwarnings("ignore", message="(?s).*Unable to serialize instance")
    for name in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # All that is said when a process ends while the first one computes, and is ended for it.
    logging.getLogger(subprocess_script.__name__).setLevel(logging.INFO)


def let_speak(*, profiler: bool, summary: bool) -> None:
    """Print the reports that were asked for: Lightning writes them as notes in its log."""
    for wanted, name in ((profiler, "profilers"), (summary, "callbacks.model_summary")):
        level = logging.INFO if wanted else logging.NOTSET
        logging.getLogger(f"lightning.pytorch.{name}").setLevel(level)
