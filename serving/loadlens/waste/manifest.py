"""The transfer of waste to another party: a manifest, the steps of its life, and what each step does to the ledger.

    draft -declare-> declared -take_effect-> effective -gate-> transferred -receive-> received -return-> closed
                                              (sign)                              `-> closed, where nothing is refused
    cancel: out of draft, declared and effective

Sender and carrier sign before the gate, which lets a truck out only with a manifest in force, its plate, both
signatures and a mass within the tolerance; the receiver signs with what he has weighed. Designed after what is known of
China's manifests of hazardous waste; the text of their rules was not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, get_args

from loadlens.waste.ledger import FLOOR, HANDED_OVER, TRANSIT, Entry, Posting, move

State = Literal["draft", "declared", "effective", "transferred", "received", "closed", "cancelled"]
Kind = Literal["declare", "take_effect", "sign", "gate", "receive", "return", "cancel"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SIGN_BEFORE_THE_GATE = ("sender", "carrier")

_ALLOWED: Mapping[State, tuple[Kind, ...]] = {
    # A truck that comes to the gate too early is on record, and stays.
    "draft": ("declare", "gate", "cancel"),
    "declared": ("take_effect", "gate", "cancel"),
    "effective": ("sign", "gate", "cancel"),
    "transferred": ("receive",),
    "received": ("return",),
    "closed": (),
    "cancelled": (),
}
_LEADS_TO: Mapping[Kind, State] = {
    "declare": "declared",
    "take_effect": "effective",
    "return": "closed",
    "cancel": "cancelled",
}


class ManifestError(ValueError):
    """A manifest or a step that cannot be; the message says why."""


@dataclass(frozen=True, slots=True)
class Line:
    """Grams of one container that are to leave from a place."""

    container: str
    place: str
    grams: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is to go where with whom. `tolerance_kg`: how far a weighing of all of it may be off."""

    id: str
    sender: str
    carrier: str
    receiver: str
    permit: str
    method: str
    plate: str
    tolerance_kg: Decimal
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        if not self.lines or any(line.grams <= 0 for line in self.lines):
            raise ManifestError(f"manifest {self.id} moves nothing; give each container with its grams")
        if len({line.container for line in self.lines}) < len(self.lines):
            raise ManifestError(f"manifest {self.id} names a container twice")

    @property
    def grams(self) -> int:
        """What all lines weigh."""
        return sum(line.grams for line in self.lines)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: what was done, when, by whom, and what was said (of a gate: plate, grams, faults; see `receipt`)."""

    kind: Kind
    at: datetime
    person: str
    said: Mapping[str, Any] = field(default_factory=dict)


def state_of(steps: Sequence[Step]) -> State:
    """Where these steps lead. Raises ManifestError where one is not allowed."""
    state: State = "draft"
    for step in steps:
        check_allowed(state, step.kind)
        state = _next(state, step)
    return state


def check_allowed(state: State, kind: Kind) -> None:
    """Raise ManifestError where a step does not follow from a state."""
    if kind not in _ALLOWED[state]:
        able = ", ".join(_ALLOWED[state]) or "nothing"
        raise ManifestError(f"a manifest that is {state} cannot {kind}; what can follow is: {able}")


def gate_faults(manifest: Manifest, steps: Sequence[Step], plate: str, grams: int) -> list[str]:
    """Why the truck may not leave; none where it may. `grams` is the mass of the waste on it, as weighed."""
    faults = []
    if (state := state_of(steps)) != "effective":
        faults.append(f"the manifest is {state}, not in force")
    if _bare(plate) != _bare(manifest.plate):
        faults.append(f"the truck is {plate}, the manifest names {manifest.plate}")
    signed = {step.said["party"] for step in steps if step.kind == "sign"}
    faults += [f"the {party} has not signed" for party in SIGN_BEFORE_THE_GATE if party not in signed]
    if off := beyond_tolerance(manifest, grams - manifest.grams):
        faults.append(off)
    return faults


def beyond_tolerance(manifest: Manifest, difference: int) -> str | None:
    """Why a difference of weighings, in grams, is too large; None where it is not."""
    if abs(difference) <= manifest.tolerance_kg * 1000:
        return None
    return f"{Decimal(difference) / 1000:+} kg against the manifest, more than the {manifest.tolerance_kg} kg allowed"


def refused(manifest: Manifest, steps: Sequence[Step]) -> tuple[Line, ...]:
    """The lines that the receiver did not take."""
    names = {name for step in steps if step.kind == "receive" for name in step.said["refused"]}
    return tuple(line for line in manifest.lines if line.container in names)


def in_transit(manifest: Manifest, steps: Sequence[Step], *, planned: bool) -> tuple[Line, ...]:
    """The lines that this manifest has in transit: those on its truck and, where `planned`, those there already that
    it names and that no gate has let out."""
    state = state_of(steps)
    if state == "transferred":
        return manifest.lines
    if state == "received":
        return refused(manifest, steps)
    if planned and state not in ("closed", "cancelled"):
        return tuple(line for line in manifest.lines if line.place == TRANSIT)
    return ()


def check_receipt(manifest: Manifest, refused_names: Sequence[str], weighed: Mapping[str, int]) -> None:
    """Raise ManifestError where a receiver names what the manifest does not, leaves out what it names, or both weighs
    and refuses it."""
    names = {line.container for line in manifest.lines}
    if stray := sorted((set(refused_names) | set(weighed)) - names):
        raise ManifestError(f"container {stray[0]} is not on manifest {manifest.id}")
    if both := sorted(set(refused_names) & set(weighed)):
        raise ManifestError(f"{both[0]} is both weighed and refused; take it or refuse it")
    if missing := sorted(names - set(refused_names) - set(weighed)):
        raise ManifestError(f"the receiver has to weigh {missing[0]}, or refuse it")


def difference(manifest: Manifest, step: Step) -> int:
    """What the receiver weighed of what he took less what was sent of it, in grams."""
    taken = [line for line in manifest.lines if line.container not in step.said["refused"]]
    return sum(step.said["weighed"][line.container] - line.grams for line in taken)


def departure(manifest: Manifest, at: datetime, actor: str) -> Entry | None:
    """The entry by which everything on the truck is on its way; None where all of it is in transit already."""
    lines = [line for line in manifest.lines if line.place != TRANSIT]
    postings = _postings([(line, line.place, TRANSIT) for line in lines])
    return Entry(f"{manifest.id}.out", "moved", at, actor, postings) if postings else None


def receipt(manifest: Manifest, steps: Sequence[Step], at: datetime, actor: str, batch: str = "") -> Entry | None:
    """The entry by which what the receiver took has left for good, with the masses of the sender's ledger."""
    back = refused(manifest, steps)
    lines = [(line, TRANSIT, HANDED_OVER) for line in manifest.lines if line not in back]
    said = {
        "转移联单编号": manifest.id,
        "接收单位名称": manifest.receiver,
        "许可证编码/出口核准通知单编号": manifest.permit,
        "利用/处置方式": manifest.method,
    }
    postings = _postings(lines)
    if not postings:
        return None
    return Entry(f"{manifest.id}.in", "handed_over", at, actor, postings, batch=batch, particulars=said)


def coming_back(manifest: Manifest, steps: Sequence[Step], place: str, at: datetime, actor: str) -> Entry | None:
    """The entry by which what was refused is on site again. Raises ManifestError where the place is none for waste."""
    if place != FLOOR and not place.startswith("room:"):
        raise ManifestError(f"what comes back goes to {FLOOR!r} or into a room, not to {place!r}")
    postings = _postings([(line, TRANSIT, place) for line in refused(manifest, steps)])
    why = f"refused by {manifest.receiver}"
    return Entry(f"{manifest.id}.back", "moved", at, actor, postings, reason=why) if postings else None


def _postings(ways: Sequence[tuple[Line, str, str]]) -> tuple[Posting, ...]:
    return tuple(
        posting for line, leaving, arriving in ways for posting in move(line.container, line.grams, leaving, arriving)
    )


def _next(state: State, step: Step) -> State:
    if step.kind == "gate":
        return state if step.said["faults"] else "transferred"
    if step.kind == "receive":
        return "received" if step.said["refused"] else "closed"
    return _LEADS_TO.get(step.kind, state)


def _bare(plate: str) -> str:
    """A plate without what people write between its signs."""
    return "".join(letter for letter in plate.upper() if letter.isalnum())
