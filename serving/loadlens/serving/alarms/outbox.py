"""The outbox: messages are written with their cause, in one transaction, and sent afterwards until they arrive.

A message that was committed is never dropped. It may be delivered twice, after a kill between delivery and its note;
`message` in the payload tells the receiver. Several servers may work on one outbox: who tries a message holds it for a
while, so that two rarely send the same.
"""

import logging
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Protocol

from sqlalchemy import ColumnElement, Engine, Select, and_, or_, select
from sqlalchemy.event import listens_for
from sqlalchemy.orm import Session

from loadlens.serving.alarms.settings import Topic
from loadlens.serving.store.alarm_tables import Outgoing
from loadlens.serving.store.database import write_session
from loadlens.serving.store.tables import now

log = logging.getLogger("loadlens.alarms")

# How long a courier has for one try before another may try the same message.
LEASE = timedelta(seconds=60)
# Tries are 2, 4, 8… seconds apart, each up to half sooner, so that receivers are not met by all at once; then hourly.
_LONGEST_WAIT_S = 3600.0
# Messages of other servers over the same database are found by looking.
_LOOK_EVERY_S = 1.0
_OPTION = "loadlens_outbox"


class DeliveryError(Exception):
    """A message did not arrive; the reason is kept with it and it is tried again."""


class Channel(Protocol):
    """A way out, by a name that stays the same over restarts."""

    name: str
    topics: frozenset[Topic]

    def ready(self) -> bool:
        """Whether a try makes sense now; one that knows it is cut off says no, and wakes its courier later."""

    def deliver(self, outgoing: Outgoing) -> None:
        """Return once the receiver has confirmed the message; raise DeliveryError otherwise."""

    def start(self, wake: "threading.Event") -> None:
        """Begin; set `wake` whenever a try makes sense again."""

    def stop(self) -> None:
        """End."""


class Outbox:
    """The couriers of one server, one for each channel: a receiver that hangs holds up no other."""

    def __init__(self, engine: Engine, channels: list[Channel]) -> None:
        """Whatever is enqueued through this engine from now on goes to these channels."""
        self._topics = {channel.name: channel.topics for channel in channels}
        self._couriers = [_Courier(engine, channel) for channel in channels]
        engine.update_execution_options(**{_OPTION: self})

    def channels(self, topic: Topic) -> list[str]:
        """The names of the channels that want messages of a topic."""
        return [name for name, topics in self._topics.items() if topic in topics]

    def start(self) -> None:
        """Begin to deliver, also what was left by an earlier run."""
        for courier in self._couriers:
            courier.start()

    def stop(self) -> None:
        """End after the deliveries in hand; the rest is delivered by the next run."""
        for courier in self._couriers:
            courier.stop()

    def wake(self) -> None:
        """Say that there are new messages."""
        for courier in self._couriers:
            courier.wake.set()


def enqueue(session: Session, message: str, payload: str, lane: str | None, *, topic: Topic = "alarms") -> None:
    """Put a message into the outbox of every channel that wants its topic, inside the caller's transaction."""
    outbox: Outbox | None = session.connection().get_execution_options().get(_OPTION)
    if outbox is not None and (channels := outbox.channels(topic)):
        session.add_all(Outgoing(channel=name, message=message, payload=payload, lane=lane) for name in channels)
        session.info[_OPTION] = outbox


def is_wanted(session: Session, topic: Topic) -> bool:
    """Whether any channel wants messages of a topic; where none does, none need be written."""
    outbox: Outbox | None = session.connection().get_execution_options().get(_OPTION)
    return outbox is not None and bool(outbox.channels(topic))


@listens_for(Session, "after_commit")
def _wake(session: Session) -> None:
    outbox: Outbox | None = session.info.pop(_OPTION, None)
    if outbox is not None:
        outbox.wake()


@listens_for(Session, "after_rollback")
def _forget(session: Session) -> None:
    session.info.pop(_OPTION, None)


class _Courier:
    """The thread that delivers the messages of one channel."""

    def __init__(self, engine: Engine, channel: Channel) -> None:
        self._engine = engine
        self._channel = channel
        self._stopped = False
        self.wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"courier {channel.name}", daemon=True)

    def start(self) -> None:
        self._channel.start(self.wake)
        self._thread.start()

    def stop(self) -> None:
        self._stopped = True
        self.wake.set()
        self._thread.join()
        self._channel.stop()

    def _run(self) -> None:
        while not self._stopped:
            try:
                busy = self._channel.ready() and self._deliver_one()
            except Exception:  # a database that is away must not end the alarms for good
                log.exception("alarms by %s are held up", self._channel.name)
                busy = False
            if not busy:
                self.wake.wait(_LOOK_EVERY_S)
                self.wake.clear()

    def _deliver_one(self) -> bool:
        outgoing = self._claim()
        if outgoing is None:
            return False
        try:
            self._channel.deliver(outgoing)
        except DeliveryError as error:
            log.warning("message %s by %s: %s", outgoing.message, self._channel.name, error)
            self._note(outgoing.id, str(error))
        else:
            self._note(outgoing.id, None)
        return True

    def _claim(self) -> Outgoing | None:
        """The message whose turn it is, held for the lease. A new one comes before those that failed."""
        due = self._due().limit(1)
        with Session(self._engine) as session:
            if session.scalars(due).first() is None:
                return None
        with write_session(self._engine) as session:
            outgoing = session.scalars(due.with_for_update(skip_locked=True)).first()
            if outgoing is not None:
                outgoing.tries += 1
                outgoing.next_try_at = _after(LEASE.total_seconds())
            return outgoing

    def _due(self) -> Select[Outgoing]:
        # Nothing waits for longer than the longest wait: what seems to was noted before the clock was set back.
        due = or_(Outgoing.next_try_at <= now(), Outgoing.next_try_at > _after(_LONGEST_WAIT_S))
        waiting: ColumnElement[bool] = and_(
            Outgoing.channel == self._channel.name, Outgoing.delivered_at.is_(None), due
        )
        return select(Outgoing).where(waiting).order_by(Outgoing.tries, Outgoing.id)

    def _note(self, outgoing_id: int, trouble: str | None) -> None:
        with write_session(self._engine) as session:
            outgoing = session.get_one(Outgoing, outgoing_id)
            outgoing.trouble = trouble
            if trouble is None:
                outgoing.delivered_at = now()
            else:
                outgoing.next_try_at = _after(wait_s(outgoing.tries))


def wait_s(tries: int) -> float:
    """How long to wait after so many tries (1 or more), in seconds."""
    return min(_LONGEST_WAIT_S, 2.0 ** min(tries, 20)) * random.uniform(0.5, 1.0)


def _after(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
