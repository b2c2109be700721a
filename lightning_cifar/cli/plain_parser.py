"""A parser of command lines whose errors are the package's own."""

import argparse
from typing import NoReturn

from lightning_cifar.errors import InputError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are our own: one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """Raise ``InputError``."""
        raise InputError(f"{message}; '{self.prog} --help' lists the options")
