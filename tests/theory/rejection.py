"""How a test shows that a property rejects a wrong implementation."""

from contextlib import contextmanager

import pytest
from hypothesis import Phase, settings


@contextmanager
def rejected():
    """Expect a property to fail; the counterexample is not made smaller, which takes long.

    Make the property inside the block, so that it takes up the settings: one counterexample is
    enough.
    """
    profile = settings.get_current_profile_name()
    settings.register_profile(
        "control",
        settings.default,
        phases=[Phase.explicit, Phase.generate],
        print_blob=False,
        report_multiple_bugs=False,
    )
    settings.load_profile("control")
    try:
        with pytest.raises(AssertionError):
            yield
    finally:
        settings.load_profile(profile)
