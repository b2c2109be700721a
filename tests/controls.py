"""What shows that a property's check can fail."""

import pytest
from hypothesis import Phase, settings


def assert_rejects(check):
    """Assert that a check made with ``@given`` fails; without shrinking, which takes minutes."""
    unshrunk = settings(phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)
    with pytest.raises(AssertionError):
        unshrunk(check)()
