"""Processes that another program has started: each would take itself for the whole run."""

import os
from collections.abc import Mapping

from lightning_cifar.errors import InputError

# Set by torchrun, srun, mpirun and jsrun, and read by Lightning before there is a trainer.
RANKS = (
    *("RANK", "LOCAL_RANK", "NODE_RANK", "GROUP_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK"),
    *("OMPI_COMM_WORLD_RANK", "PMI_RANK"),
)
SIZES = ("WORLD_SIZE", "SLURM_NTASKS", "OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
# Tells the processes that our own trainer starts that they are ours.
OURS = "LIGHTNING_CIFAR_FIRST_PROCESS"


def refuse_outside_launch(environment: Mapping[str, str]) -> None:
    """Refuse to be one of several processes that this program has not started."""
    if environment.get(OURS) == str(os.getppid()):
        return
    for name in (*RANKS, *SIZES):
        value = environment.get(name, "").strip()
        if value not in ("", "0" if name in RANKS else "1"):
            raise InputError(
                f"{name}={value} is set in the environment, as torchrun or srun sets it when it "
                "starts several processes; start one process and let it start the others with "
                "--trainer.devices N --trainer.strategy ddp (if the variable is left over: unset "
                f"{name})"
            )
