"""The one error that a user's input can cause: on the command line one line and exit code 2."""


class InputError(Exception):
    """Input that cannot be used; the message says what came, what is allowed and what to do.

    Not a ``ValueError``: the parser takes those for a sign to try another type.
    """
