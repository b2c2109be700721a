"""The command ``lightning-cifar``: one line for every mistake, no traceback."""

import sys

from lightning_cifar.errors import InputError


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 2 for input that cannot be used."""
    try:
        from lightning_cifar.cli import run_command  # seconds: torch and lightning
    except ImportError as error:
        return report(f"cannot load a library: {error}; install the pinned requirements again", 2)
    from lightning_cifar.callbacks.finite_guard import NonFiniteLoss

    try:
        run_command(sys.argv[1:] if arguments is None else arguments)
    except InputError as error:
        return report(str(error), 2)
    except OSError as error:
        return report(f"{error.filename or 'a file'}: {error.strerror or error}", 2)
    except NonFiniteLoss as error:
        return report(str(error), 1)
    return 0


def report(message: str, code: int) -> int:
    """Print one line to stderr and hand the exit code on."""
    print(f"lightning-cifar: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
