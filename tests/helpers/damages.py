"""Ways to damage a file, for checks that a reader notices."""

from collections.abc import Iterator


def flips(content: bytes) -> Iterator[bytes]:
    """The content with each byte in turn changed, by a bit that moves along."""
    for position in range(len(content)):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        yield bytes(damaged)


def truncations(content: bytes) -> Iterator[bytes]:
    """The content cut off at every length."""
    for length in range(len(content)):
        yield content[:length]
