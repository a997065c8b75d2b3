"""The runtime and the engine to try."""

from tests.engines import cache, engine  # noqa: F401
from tests.runtimes import as_user, both, runtime, tools  # noqa: F401
