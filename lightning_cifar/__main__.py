"""The command ``lightning-cifar``: one line for every mistake, no traceback."""

import gc
import os
import sys
from contextlib import suppress

from lightning_cifar.errors import InputError, Interrupted, failure

INTERRUPTED = 130  # as a shell reports a program that Ctrl-C ended
UNREAD = 141  # and one that wrote into a pipe that nobody reads any more

COMMANDS = {
    "fit": "train a network: searches a learning rate, stops early, keeps the best weights",
    "validate": "loss and accuracy of a run on its validation images",
    "test": "loss and accuracy on the test images; --mc_samples N; several --run: an ensemble",
    "report": "a study's answers as one page, from its records alone",
    "data": "what is at a path: form, counts, copies, unreadable files; a contact sheet",
    "predict": "classify your own images with a run, or with several as an ensemble",
    "export": "write a run's network, or an ensemble, for other programs",
    "study": "train variants over many seeds, and go on where an interrupted study was",
    "completion": "print the script by which a shell completes commands and options",
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    0: done; 1: training diverged, or some images could not be read; 2: input that cannot be used;
    130: interrupted by Ctrl-C; 141: the reader of the output has gone; 143: ended by SIGTERM.
    """
    open_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    # Loading libraries makes millions of objects; looking for garbage among them takes time.
    gc.set_threshold(50_000, 10, 10)
    try:
        code = run(arguments[0], arguments) if arguments else usage(2)
        sys.stdout.flush()  # at Python's own end it is too late for a message
        return code
    except InputError as error:
        return report(str(error), 2)
    except Interrupted as error:
        return report(str(error), error.code)
    except (KeyboardInterrupt, SystemExit) as error:
        # Lightning makes the second out of the first.
        if KeyboardInterrupt not in (type(error), type(error.__context__)):
            raise
        return report("interrupted", INTERRUPTED)
    except ImportError as error:
        return report(f"cannot load a library: {error}; install the pinned requirements again", 2)
    except UnicodeEncodeError as error:  # of a name, in a locale without its letters
        letters = error.object[error.start : error.end]
        return report(f"{letters!a} cannot be written in {error.encoding}; set PYTHONUTF8=1", 2)
    except BrokenPipeError:  # as in `predict ... | head`
        drop_output()
        return UNREAD
    except OSError as error:
        return report(failure(error), 2)


def open_streams() -> None:
    """Give a process that was started without standard streams some that lead nowhere.

    The next files would get their numbers, and with these what other programs write.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def drop_output() -> None:
    """Let go of what cannot be written: Python would try again at its end, and complain."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):
            sys.stdout.close()


def usage(code: int) -> int:
    """Print the commands, and hand the exit code on."""
    print("usage: lightning-cifar COMMAND [options]; COMMAND --help lists its options\n")
    print("\n".join(f"  {name:12}{text}" for name, text in COMMANDS.items()))
    return code


def run(command: str, arguments: list[str]) -> int:
    """Run one command; libraries that take seconds to load are loaded where they are needed."""
    if command in ("-h", "--help"):
        return usage(0)
    if command == "--version":
        from lightning_cifar import __version__

        print(f"lightning-cifar {__version__}")
        return 0
    if command not in COMMANDS:
        from lightning_cifar.runs.configuration import nearest

        hint = nearest(command, COMMANDS) or f"; there are {', '.join(COMMANDS)}"
        raise InputError(f"unknown command {command!r}{hint}")
    if command == "report":
        from lightning_cifar.study.report.command import report_command

        return report_command(arguments[1:])
    if command == "completion":
        from lightning_cifar.cli.help import completion_script

        print(completion_script(COMMANDS), end="")
        return 0
    if command == "data":
        from lightning_cifar.cli.data_command import show_data

        return show_data(arguments[1:])
    if command in ("predict", "export"):
        from lightning_cifar.cli import commands

        return (commands.predict if command == "predict" else commands.export_run)(arguments[1:])
    if command in ("fit", "validate", "test", "study"):
        from lightning_cifar.cli.launchers import refuse_outside_launch

        refuse_outside_launch(os.environ)
    if command == "study":
        from lightning_cifar.study.command import study

        return study(arguments[1:])
    if {"-h", "--help"} & set(arguments):
        from lightning_cifar.cli.help import help_text

        print(help_text(command))
        return 0
    from lightning_cifar.cli.arguments import names_several_runs, with_configs_composed

    if command == "test" and names_several_runs(arguments):
        from lightning_cifar.cli.commands import evaluate_ensemble

        return evaluate_ensemble(arguments[1:])
    composed = with_configs_composed(arguments)  # refuses most mistakes before torch is loaded
    if command == "fit":
        from lightning_cifar.native import compiler

        compiler.ahead("float32")
    from lightning_cifar.cli.command import run_command
    from lightning_cifar.training.finite_guard import NonFiniteLoss
    from lightning_cifar.training.processes import LostProcess

    try:
        run_command(composed)
    except (NonFiniteLoss, LostProcess) as error:
        return report(str(error), 1)
    return 0


def report(message: str, code: int) -> int:
    """Print one line to stderr and hand the exit code on."""
    drop_output()
    with suppress(OSError):  # the code remains where nobody can read the line
        print(f"lightning-cifar: {message}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
