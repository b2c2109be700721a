"""What the study of exercise 8 says of a claim: sentences that cite ``docs/RESULTS.md``.

The experiments here are small, so that anyone can repeat them in seconds. The study trained the
exercise's network on pictures, 95 times; where it bears on a claim, its answer stands beside the
experiment and decides no verdict. A test finds every figure below in the part of the results that
is named.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Citation:
    """One sentence or two about what the study found.

    Attributes:
        part: part of the exercise, as the results number it, such as ``"8d"``.
        text: what was found there.
    """

    part: str
    text: str


_NORMALISED = (
    "20 of 20 layers of the SELU network are normalised before training and 0 of 20 after it, when "
    "variances reach 32.51."
)

CITATIONS: dict[str, Citation] = {
    "Q3.1": Citation("8d", _NORMALISED),
    "Q3.3": Citation("8d", _NORMALISED),
    "Q3.4": Citation(
        "8d",
        "Before training the variances of the SELU network's layers run from 0.99 to 1.08, those "
        "of the ELU network's from 1.24 to 5.77. Both networks learn.",
    ),
    "Q3.5": Citation(
        "8c",
        "The SELU network needs 5 epochs (median) to a validation loss of 1.55, the ELU network "
        "6.5, and the one with batch normalisation 3.5. No ReLU network was trained.",
    ),
    "Q3.6": Citation(
        "8d",
        "With 20 layers SELU reaches a test accuracy of 50.11 %, ELU 49.26 % and ELU with batch "
        "normalisation 52.42 %.",
    ),
    "Q3.7": Citation(
        "8d",
        "SELU is better than ELU (50.11 % against 49.26 %) and worse than batch normalisation "
        "(52.42 %).",
    ),
    "Q7.1": Citation(
        "8c",
        "It takes 5.5 epochs (median) to a validation loss of 1.55 with one layer of alpha "
        "dropout, 10 % in front of the output, and 5 without it.",
    ),
    "Q7.3": Citation(
        "8c",
        "An epoch of a single fit takes 2.17 s without and 2.43 s with one layer of alpha dropout.",
    ),
    "Q7.10": Citation(
        "8e",
        "The log loss on the test images is 1.4448 nats with Monte Carlo dropout, 1.4959 without "
        "and 1.4365 with temperature scaling; the calibration errors are 4.26 %, 10.31 % and "
        "1.62 %.",
    ),
}
