"""How the commands that measure use the processor."""


def one_thread() -> None:
    """Let torch compute with one thread.

    The tensors are small: a second thread mostly waits, on a busy machine for minutes.
    """
    import torch  # here, so that a command that computes nothing starts at once

    torch.set_num_threads(1)
