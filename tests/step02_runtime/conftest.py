"""The runtime to try."""

from tests.runtimes import as_user, both, runtime, tools  # noqa: F401
