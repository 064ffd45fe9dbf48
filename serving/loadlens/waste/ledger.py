"""The ledger of waste: double-entry, per container, to the gram. What goes in comes out or is in stock, always.

Every entry is a list of postings that sum to zero: mass leaves one place and arrives in another. Nothing is edited; a
wrong entry is taken back by a counter-entry with a reason. The stages are those of HJ 1259-2022, 6.3 (produced, into
store, out of store, own treatment, handed to others); splitting, merging and repacking move mass between containers.

Errors: LedgerError(ValueError).
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from loadlens.grading.quantity import Mass

Stage = Literal[
    "produced", "stored", "retrieved", "treated", "handed_over", "moved", "repacked", "reweighed", "corrected"
]

# Places beside the rooms ("room:…"). Mass comes from PRODUCTION, and ends in TREATED or HANDED_OVER.
PRODUCTION, FLOOR, TRANSIT, TREATED, HANDED_OVER, WEIGHING = (
    "production",
    "floor",
    "transit",
    "treated",
    "handed_over",
    "weighing",
)
# A million tonnes: what an entry, a label or a manifest says of one container stays below it.
MOST_GRAMS = 10**12
OUTSIDE = frozenset({PRODUCTION, TREATED, HANDED_OVER, WEIGHING})
_ROOM = "a room"
# Where mass may leave and arrive in each stage; "inside" is every place on site. A correction undoes any of them.
_WAYS: Mapping[str, tuple[frozenset[str], frozenset[str]]] = {
    "produced": (frozenset({PRODUCTION}), frozenset({FLOOR, _ROOM})),
    "stored": (frozenset({FLOOR, TRANSIT}), frozenset({_ROOM})),
    "retrieved": (frozenset({_ROOM}), frozenset({TRANSIT})),
    "treated": (frozenset({FLOOR, _ROOM, TRANSIT}), frozenset({TREATED})),
    "handed_over": (frozenset({FLOOR, _ROOM, TRANSIT}), frozenset({HANDED_OVER})),
    "moved": (frozenset({FLOOR, _ROOM, TRANSIT}), frozenset({FLOOR, _ROOM, TRANSIT})),
    "repacked": (frozenset({FLOOR, _ROOM, TRANSIT}), frozenset({FLOOR, _ROOM, TRANSIT})),
    "reweighed": (frozenset({FLOOR, _ROOM, TRANSIT, WEIGHING}), frozenset({FLOOR, _ROOM, TRANSIT, WEIGHING})),
}


class LedgerError(ValueError):
    """An entry that cannot be made; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Posting:
    """`grams` of the waste in one container arrive at a place (> 0) or leave it (< 0)."""

    container: str
    place: str
    grams: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger. `id` is made by whoever makes the entry, so that sending it twice changes nothing.

    `batch` is the batch code of its stage, `actor` who made it, `reason` why (corrections and weighings), `takes_back`
    the id of the entry that a correction undoes; `particulars` are the further fields of the stage (HJ 1259-2022).
    """

    id: str
    stage: Stage
    at: datetime
    actor: str
    postings: tuple[Posting, ...]
    batch: str = ""
    reason: str = ""
    takes_back: str | None = None
    particulars: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise LedgerError(f"entry {self.id}: its time has no offset from UTC; say which clock it is")
        if not self.postings or any(posting.grams == 0 for posting in self.postings):
            raise LedgerError(f"entry {self.id} moves nothing")
        if total := sum(posting.grams for posting in self.postings):
            raise LedgerError(f"entry {self.id} does not add up: {total:+} g would come from nowhere")
        if self.stage in ("corrected", "reweighed") and not self.reason.strip():
            raise LedgerError(f"entry {self.id}: a correction needs a reason")
        self._check_ways()

    def _check_ways(self) -> None:
        """Mass leaves from and arrives at what the stage is about; containers change only where one is repacked."""
        if self.stage == "corrected":
            return
        leaving, arriving = _WAYS[self.stage]
        for posting in self.postings:
            kind = _ROOM if re.fullmatch(r"room:\S.*", posting.place) else posting.place
            if kind not in (arriving if posting.grams > 0 else leaving):
                verb = "arrives at" if posting.grams > 0 else "leaves"
                raise LedgerError(f"entry {self.id}: nothing that is {self.stage} {verb} {posting.place!r}")
        if self.stage == "repacked" and len({posting.place for posting in self.postings}) > 1:
            raise LedgerError(f"entry {self.id}: containers are repacked at one place; move them there first")
        if self.stage != "repacked":
            totals: defaultdict[str, int] = defaultdict(int)
            for posting in self.postings:
                totals[posting.container] += posting.grams
            if mixed := sorted(container for container, grams in totals.items() if grams):
                raise LedgerError(f"entry {self.id}: {mixed[0]} gains or loses mass; only repacking does that")


def grams_of(mass: Mass) -> int:
    """A mass as whole grams. Raises LedgerError where it is finer, not above zero, or more than any container holds."""
    grams = mass.kg * 1000
    if grams <= 0:
        raise LedgerError(f"{mass} is no mass of waste; it must be above zero")
    if grams >= MOST_GRAMS:
        raise LedgerError(f"{mass} is more than a container holds; look for a typing error")
    if grams != int(grams):
        raise LedgerError(f"{mass} is finer than a gram; round it as the scale does")
    return int(grams)


def room(name: str) -> str:
    """The place of a store room."""
    return f"room:{name}"


def move(container: str, grams: int, leaving: str, arriving: str) -> tuple[Posting, ...]:
    """Mass of one container leaves a place and arrives at another."""
    return Posting(container, leaving, -grams), Posting(container, arriving, grams)


def repack(place: str, out_of: Mapping[str, int], into: Mapping[str, int]) -> tuple[Posting, ...]:
    """Splitting, merging or repacking at one place: grams leave some containers and arrive in others."""
    if set(out_of) & set(into):
        raise LedgerError("a container is named on both sides; name what leaves it or what arrives, not both")
    left = [Posting(container, place, -grams) for container, grams in sorted(out_of.items())]
    return *left, *(Posting(container, place, grams) for container, grams in sorted(into.items()))


def counter(entry: Entry, *, new_id: str, at: datetime, actor: str, reason: str) -> Entry:
    """The entry that takes another one back."""
    if entry.takes_back is not None:
        raise LedgerError(f"entry {entry.id} is itself a correction; enter what is right anew instead")
    reversed_ = tuple(Posting(posting.container, posting.place, -posting.grams) for posting in entry.postings)
    return Entry(new_id, "corrected", at, actor, reversed_, reason=reason, takes_back=entry.id)


class Balances:
    """What is where: grams by container and place, kept up by entries in the order in which they are accepted."""

    def __init__(self) -> None:
        self._grams: defaultdict[tuple[str, str], int] = defaultdict(int)

    def refusal(self, entry: Entry) -> str | None:
        """Why an entry cannot be accepted now; None where it can. A container is never emptier than empty."""
        change: defaultdict[tuple[str, str], int] = defaultdict(int)
        for posting in entry.postings:
            change[posting.container, posting.place] += posting.grams
        for (container, place), grams in change.items():
            there = self._grams.get((container, place), 0)
            if place not in OUTSIDE and there + grams < 0:
                return f"container {container} holds {there} g at {place}, and {-grams} g would leave it"
        return None

    def accept(self, entry: Entry) -> None:
        """Take an entry into the balances. Raises LedgerError where `refusal` gives a reason."""
        if why := self.refusal(entry):
            raise LedgerError(f"entry {entry.id}: {why}")
        for posting in entry.postings:
            self._grams[posting.container, posting.place] += posting.grams

    def at(self, container: str, place: str) -> int:
        """Grams of a container at a place."""
        return self._grams.get((container, place), 0)

    def by_place(self) -> dict[str, int]:
        """Grams by place, the outside ones too: their sum is zero."""
        totals: defaultdict[str, int] = defaultdict(int)
        for (_, place), grams in self._grams.items():
            totals[place] += grams
        return dict(totals)

    def stock(self) -> dict[tuple[str, str], int]:
        """Grams by container and place of what is here: neither treated nor handed over."""
        return {key: grams for key, grams in self._grams.items() if grams and key[1] not in OUTSIDE}


def reconcile(known: Iterable[Entry], arriving: Sequence[Entry], balances: Balances) -> tuple[list[Entry], list[Entry]]:
    """Accept entries that were made offline and arrive in any order, some perhaps twice.

    An entry that waits for another (its container is not there yet) is tried again after every one that is accepted.
    Returns the accepted in the order of their acceptance, and those that still cannot be: a person must look at them.
    Raises LedgerError where one id comes with two contents.
    """
    seen = {entry.id: entry for entry in known}
    waiting: list[Entry] = []
    for entry in arriving:
        if entry.id in seen:
            if seen[entry.id] != entry:
                raise LedgerError(f"entry {entry.id} was made twice with different contents; number one of them anew")
            continue
        seen[entry.id] = entry
        waiting.append(entry)
    accepted: list[Entry] = []
    while ready := next((entry for entry in waiting if balances.refusal(entry) is None), None):
        balances.accept(ready)
        accepted.append(ready)
        waiting.remove(ready)
    return accepted, waiting
