"""What holds for all tests."""

import os

from hypothesis import settings

from tests.programs import needs_namespaces

# No test may fail because the machine is busy.
settings.register_profile("without a clock", deadline=None)
settings.load_profile("without a clock")

# pytest imports readline, which tells every program below that there is a terminal of 80 columns.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
    os.unsetenv(name)


def pytest_collection_modifyitems(items):
    for item in items:
        if {"runtime", "as_user", "both"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(needs_namespaces)
