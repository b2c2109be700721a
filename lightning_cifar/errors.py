"""What a user can cause: input that cannot be used (exit code 2), an interruption (130, 143)."""


class InputError(Exception):
    """Input that cannot be used; the message says what came, what is allowed and what to do.

    Not a ``ValueError``: the parser takes those for a sign to try another type.
    """


class Interrupted(Exception):
    """Work was ended before its time; the message says how to go on.

    Attributes:
        code: exit code, as a shell reports a program that a signal ended: 128 and its number.
    """

    def __init__(self, message: str, code: int = 130) -> None:
        super().__init__(message)
        self.code = code


def failure(error: OSError) -> str:
    """What the system refused, and of which file if it is about one."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else reason
