"""Hypothesis profiles; threads, so that a figure does not depend on the machine's cores."""

import os

import torch
from hypothesis import HealthCheck, Phase, settings

torch.set_num_threads(1)

# The first call into torch is slow, so no example has a deadline in any profile.
settings.register_profile(
    "default",
    derandomize=True,
    deadline=None,
    max_examples=100,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("dev", settings.get_profile("default"), max_examples=20)
settings.register_profile(
    "nightly", settings.get_profile("default"), derandomize=False, max_examples=2000
)
# A mutant is judged by the first example that fails; the smallest one interests nobody.
settings.register_profile(
    "mutation",
    settings.get_profile("default"),
    phases=(Phase.explicit, Phase.generate),
    report_multiple_bugs=False,
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
