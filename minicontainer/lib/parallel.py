"""Several downloads at a time, and all of them ended by the first failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeVar

    from .session import Session

    Item = TypeVar("Item")

#: how many at a time
PARALLEL = 4


def in_parallel(session: Session, work: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Do `work`, which uses `session`, for each of `items`; raises the first failure.

    The others are made to fail then too; all threads have ended when this returns.
    """
    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="pull")
    try:
        for done in as_completed([pool.submit(work, item) for item in items]):
            done.result()
    except BaseException:
        session.cancel()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        session.resume()
