"""Pictures are deleted, once it is on record that they were let go."""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.database import writing
from loadlens.serving.store.errors import StoreError

log = logging.getLogger("loadlens.retention")

_AGAIN_S = 60
# So many pictures are deleted while whoever brings frames has to wait.
_AT_ONCE = 50

# Which of these pictures nobody else has come to need.
MayGo = Callable[[Session, Sequence[str]], Iterable[str]]


def delete_all(engine: Engine, blobs: Blobs, digests: Sequence[str], may_go: MayGo, stopped: threading.Event) -> None:
    """Delete what still may go, however long the records or the store do not answer, unless `stopped`."""
    for first in range(0, len(digests), _AT_ONCE):
        some = digests[first : first + _AT_ONCE]
        while not _is_deleted(engine, blobs, some, may_go) and not stopped.wait(_AGAIN_S):
            pass  # it is on record that they are gone, so nobody would come back to them


def _is_deleted(engine: Engine, blobs: Blobs, digests: Sequence[str], may_go: MayGo) -> bool:
    """Delete pictures; False where the records or the store do not answer."""
    try:
        _delete(engine, blobs, digests, may_go)
    except StoreError as error:
        log.warning("%d pictures are deleted later: %s", len(digests), error)
        return False
    return True


def _delete(engine: Engine, blobs: Blobs, digests: Sequence[str], may_go: MayGo) -> None:
    """Delete what still may go, while nobody can record that it is needed."""
    with Session(writing(engine)) as session, session.begin():
        for sha256 in may_go(session, digests):
            blobs.delete(sha256)
