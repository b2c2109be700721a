"""An argument parser whose errors are our own: one line, without the usage."""

import argparse
from typing import NoReturn, final

from lightning_cifar.errors import InputError


@final
class Parser(argparse.ArgumentParser):
    """Reads the options of a command that needs no trainer."""

    def error(self, message: str) -> NoReturn:
        """Raise ``InputError``."""
        raise InputError(f"{message}; '{self.prog} --help' lists the options")
