"""A command-line parser whose errors are one line."""

import argparse
from typing import NoReturn

from theory.errors import DomainError


class OneLineParser(argparse.ArgumentParser):
    """Raises ``DomainError`` where argparse would print its usage and leave."""

    def error(self, message: str) -> NoReturn:
        """Raise ``message``, with the command that explains what is allowed."""
        raise DomainError(f"{' '.join(message.split())}; see `{self.prog} --help`")
