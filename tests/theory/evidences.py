"""The evidence of every experiment, computed once in a test run."""

from functools import cache

from theory.claim import Evidence, run_experiment


@cache
def evidence(pointer: str) -> Evidence:
    return run_experiment(pointer)
