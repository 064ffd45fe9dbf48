"""Pieces of work done on a Ray cluster: they go out from here and come back here, and no machine needs our folders."""

import logging
import socket
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, TypeVar

import ray
from ray.exceptions import RayError, RayTaskError

from loadlens.serving.errors import CommandError, RefusedError

# A piece whose worker or machine was lost is done again elsewhere so often. Then something is wrong with the piece.
_RETRIES = 5

Name = TypeVar("Name", bound=Hashable)
Piece = TypeVar("Piece")
Result = TypeVar("Result")


def on_ray(
    address: str, work: Callable[[Piece], Result], pieces: Iterable[tuple[Name, Piece]]
) -> Iterator[tuple[Name, Result]]:
    """Do named pieces of work on the cluster at `address` (`host:6379`), from one of its machines; each result once.

    Raises RefusedError where no cluster answers, and what `in_tasks` raises.
    """
    with cluster(address):
        yield from in_tasks(work, pieces)


def in_tasks(work: Callable[[Piece], Result], pieces: Iterable[tuple[Name, Piece]]) -> Iterator[tuple[Name, Result]]:
    """Do named pieces of work on the cluster that this process gives work to; each result once, as they are done.

    Every processor has one piece in hand and one that waits, so however many there are, few are in memory. Raises
    CommandError where the cluster fails, and what work raises.
    """
    try:
        yield from _done(work, pieces)
    except RayTaskError as failed:
        raise failed.cause from None
    except RayError as fault:
        raise CommandError(f"the Ray cluster failed ({fault}); run this again to go on") from fault


@contextmanager
def cluster(address: str) -> Iterator[None]:
    """This process gives work to the cluster at `address`. Raises RefusedError where none answers."""
    host, _, port = address.rpartition(":")
    try:
        # Ray itself tries for minutes where nothing listens.
        socket.create_connection((host, int(port)), timeout=5).close()
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, ValueError, RuntimeError) as fault:
        raise RefusedError(f"no Ray cluster answers at {address!r} ({fault}); start one with `ray start`") from fault
    try:
        # Ray tells of workers that were lost on the standard output, which belongs to results.
        with redirect_stdout(sys.stderr):
            yield
    finally:
        ray.shutdown()


def _done(work: Callable[[Piece], Result], pieces: Iterable[tuple[Name, Piece]]) -> Iterator[tuple[Name, Result]]:
    task: Any = ray.remote(max_retries=_RETRIES)(_do)
    ahead = 2 * int(ray.cluster_resources()["CPU"])  # type: ignore[no-untyped-call]
    shared = ray.put(work)
    waiting: dict[ray.ObjectRef[Result], Name] = {}
    for name, piece in pieces:
        waiting[task.remote(shared, piece)] = name
        if len(waiting) >= ahead:
            yield _first_of(waiting)
    while waiting:
        yield _first_of(waiting)


def _first_of(waiting: "dict[ray.ObjectRef[Result], Name]") -> tuple[Name, Result]:
    """Wait for a piece that is done, and take it out."""
    (ready, *_), _ = ray.wait(list(waiting), num_returns=1)
    return waiting.pop(ready), ray.get(ready)


def _do(work: Callable[[Piece], Result], piece: Piece) -> Result:
    return work(piece)
