"""How a test shows that its check can fail: a wrong implementation must be rejected."""

from collections.abc import Callable

import pytest
from hypothesis import Phase, is_hypothesis_test, settings


def assert_rejects(check: Callable[[], None]) -> None:
    """The check fails; of a Hypothesis check the first failure is enough, however large."""
    if is_hypothesis_test(check):
        phases = [Phase.explicit, Phase.generate]
        check = settings(phases=phases, report_multiple_bugs=False)(check)
    with pytest.raises(AssertionError):
        check()
