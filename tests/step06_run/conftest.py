"""The engine to try."""

from tests.engines import cache, engine, shared_engine  # noqa: F401
