"""The error that a reader's own input can cause."""


class DomainError(ValueError):
    """A value outside what can be computed or shown.

    The message is one line: what came, what is allowed and, where something cannot be shown, what
    would happen and why. The command line prints it and exits with status 2.
    """
