"""A label is scanned: whose it is, whether it can be trusted, and where its container is moved to."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from loadlens.serving.load_errors import ConflictError, UnacceptableError, UnknownLoadError
from loadlens.serving.records import rooms, waste, waste_entries, waste_labels
from loadlens.serving.store import journal
from loadlens.serving.store.waste_tables import WasteContainer, WasteEntry, WastePosting
from loadlens.waste.identity import IdentityError, parse_identity
from loadlens.waste.ledger import FLOOR, TRANSIT, Entry, LedgerError, Stage, move
from loadlens.waste.seal import Sealed, SealError, open_seal


@dataclass(frozen=True, slots=True)
class Scanned:
    """A container as its label names it; `sealed` is what the label's signature vouches for, None for a typed code."""

    container: WasteContainer
    sealed: Sealed | None


def scan(session: Session, text: str) -> Scanned:
    """Whose code this is. Raises UnacceptableError with the reason where it cannot be trusted or read."""
    found = _read(session, text)
    _refuse_void(session, found.container.identity)
    return found


def _read(session: Session, text: str) -> Scanned:
    """The same, of a label that is void too."""
    text = text.strip()
    sealed = _opened(session, text) if "/w/" in text else None
    # A typed code: by an input method for Chinese it has wide letters, and small ones by whoever is in a hurry.
    identity = sealed.identity if sealed else unicodedata.normalize("NFKC", text).upper()
    try:
        parse_identity(identity)
        container = waste.find(session, identity)
    except IdentityError as error:
        raise UnacceptableError(str(error)) from None
    except UnknownLoadError:
        raise UnacceptableError(f"no container {identity} is in this ledger; it may be of another site") from None
    if sealed and (sealed.list_id, sealed.edition) != (container.list_id, container.edition):
        raise UnacceptableError(f"the label says {sealed.list_id} {sealed.edition}, the ledger {container.list_id}")
    return Scanned(container, sealed)


def move_scanned(session: Session, text: str, *, entry_id: str, place: str, at: datetime, actor: str) -> waste.Answers:
    """Move all of a scanned container to a place, from wherever the ledger has it; done once for one id.

    It may have been scanned without a network, so ConflictError where it was moved after `at`: a person looks then.
    ConflictError too where the id is that of another entry.
    """
    known = waste_entries.accepted(session, [entry_id]).get(entry_id)
    if known is not None:
        arrived = [(one.container, one.place) for one in known.postings if one.grams > 0]
        if arrived != [(_read(session, text).container.identity, place)]:
            raise ConflictError(f"entry {entry_id} is known with other contents; give the new one a number of its own")
        return waste.Answers([], known=[entry_id])
    identity = scan(session, text).container.identity
    check_place(session, place)
    leaving, grams = _where(session, identity, place)
    later = _moved_after(session, identity, at)
    if later is not None:
        raise ConflictError(
            f"{identity} was entered by {later.actor} at {later.made_at}, after this; see where it is now"
        )
    try:
        entry = Entry(entry_id, _stage(leaving, place), at, actor, move(identity, grams, leaving, place))
    except LedgerError as error:
        raise UnacceptableError(str(error)) from None
    return waste.post(session, [entry])


def _opened(session: Session, link: str) -> Sealed:
    """What a link vouches for by any key that this site ever had: a label outlives the key that signed it."""
    keys = journal.keys_ever(session)
    for number, key in enumerate(keys, 1):
        try:
            return open_seal(link, Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)))
        except SealError as error:
            if number == len(keys):
                raise UnacceptableError(str(error)) from None
    raise RuntimeError("the journal was not begun; open its database with `sealed`")


def _refuse_void(session: Session, identity: str) -> None:
    try:
        void = waste_labels.find(session, identity).void
    except UnknownLoadError:
        return  # a label that another program printed
    if void is not None:
        raise UnacceptableError(f"this label is void since {void['on']}: {void['reason']}")


def check_place(session: Session, place: str) -> None:
    """Raise UnacceptableError or UnknownLoadError where there is no such place on site."""
    if place in (FLOOR, TRANSIT):
        return
    room_id, slash, zone = place.removeprefix("room:").partition("/")
    if not place.startswith("room:"):
        raise UnacceptableError(f"{place!r} is no place on site; there are {FLOOR}, {TRANSIT} and the rooms")
    zones = rooms.zones_of(rooms.find(session, room_id))
    if slash and zone not in zones:
        raise UnacceptableError(f"room {room_id} has no zone {zone!r}; there are {', '.join(zones) or 'none'}")


def _where(session: Session, identity: str, place: str) -> tuple[str, int]:
    there: Mapping[str, int] = waste.whereabouts(session, identity)
    if not there:
        raise ConflictError(f"{identity} is not on site: it was emptied, treated or handed over")
    if len(there) > 1:
        raise ConflictError(f"{identity} stands in parts at {', '.join(there)}; enter the move for each part")
    ((leaving, grams),) = there.items()
    if leaving == place:
        raise ConflictError(f"{identity} stands at {place} already")
    return leaving, grams


def _moved_after(session: Session, identity: str, at: datetime) -> WasteEntry | None:
    query = (
        select(WasteEntry)
        .join(WastePosting, WastePosting.number == WasteEntry.number)
        .where(WastePosting.container == identity)
        .order_by(WasteEntry.number.desc())
    )
    return next((row for row in session.scalars(query) if datetime.fromisoformat(row.made_at) > at), None)


def _stage(leaving: str, arriving: str) -> Stage:
    if arriving.startswith("room:"):
        return "moved" if leaving.startswith("room:") else "stored"
    return "retrieved" if leaving.startswith("room:") and arriving == TRANSIT else "moved"
