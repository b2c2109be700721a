"""What a user can cause: input that cannot be used (exit code 2), an interruption (130)."""


class InputError(Exception):
    """Input that cannot be used; the message says what came, what is allowed and what to do.

    Not a ``ValueError``: the parser takes those for a sign to try another type.
    """


class Interrupted(Exception):
    """Ctrl-C during a fit; the message says how to go on."""
