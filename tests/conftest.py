"""Hypothesis profiles; threads, so that a figure does not depend on the machine's cores."""

import os

# Also in every process that a test starts: several workers, each with as many threads as there are
# cores, would wait for one another. Torch reads these when it is loaded. Where CI or BUILD_NUMBER
# is set, pytest writes out the whole difference of two long values whenever an assertion fails, as
# those of controls do on purpose: a suite of minutes would take an hour.
threads = {"OMP_NUM_THREADS": "1", "TORCHINDUCTOR_COMPILE_THREADS": "1"}
os.environ |= threads | {"CI": "", "BUILD_NUMBER": ""}

from hypothesis import HealthCheck, Phase, settings  # noqa: E402

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
