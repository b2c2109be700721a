"""The one error that a user's input can cause; the command line shows it as one line, exit code 2."""


class InputError(ValueError):
    """Input that cannot be used: says what came, what is allowed and what to do, without a traceback."""
