"""The one error that a user's input can cause: on the command line one line and exit code 2."""


class InputError(ValueError):
    """Input that cannot be used; the message says what came, what is allowed and what to do."""
