"""What the answers look like about waste, its store rooms and its transfers. They belong to those of `shapes`."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from loadlens.serving.api.shape import Shape
from loadlens.serving.api.shapes import AlarmShown, Names


class ExemptionShown(Shape):
    """Where a hazardous waste need not be managed as one."""

    item: int
    stage: str
    condition: str
    effect: str


class CodeShown(Shape):
    """One entry of one edition of a list; `hazardous` null: the list does not decide it."""

    list: str
    edition: str
    superseded_by: str | None
    superseded_on: str | None
    code: str
    mark: str
    hazards: Sequence[str]
    name: Names
    category: str
    hazardous: bool | None
    verified: bool
    mirrors: Sequence[str]
    exemptions: Sequence[ExemptionShown]


class CodesFound(Shape):
    """Codes, best first."""

    codes: list[CodeShown]


class CandidateShown(Shape):
    """A code that a photo suggests, with its condition and the question to ask, in English and in Chinese."""

    list: str
    code: str
    why: str
    why_zh: str


class Identified(Shape):
    """What a photo may show, likeliest first, as parts of one; `dangers` are what the photo does not rule out.

    `identification` names this answer.
    """

    image: str
    classes: dict[str, float]
    codes: list[CandidateShown]
    dangers: list[str]
    abstain: bool
    identification: str


class Registered(Shape):
    """A container as it was registered."""

    identity: str
    code: CodeShown


class PostingShown(Shape):
    """Grams that arrive at a place (> 0) or leave it (< 0)."""

    container: str
    place: str
    grams: int


class EntryShown(Shape):
    """An entry of the ledger."""

    id: str
    stage: str
    at: str
    actor: str
    batch: str
    reason: str
    takes_back: str | None
    particulars: dict[str, str]
    postings: list[PostingShown]


class NumberedEntry(EntryShown):
    """An entry with its place in the order of acceptance."""

    number: int


class WaitingEntryShown(EntryShown):
    """An entry that cannot be accepted yet, why, and since when."""

    why: str
    since: str


class EntryPage(Shape):
    """The ledger in the order of acceptance."""

    entries: list[NumberedEntry]
    next: int | None
    waiting: list[WaitingEntryShown]


class ContainerShown(Shape):
    """A container; `grams` by place on site."""

    identity: str
    list: str
    edition: str
    code: str
    name: str
    litres: str
    registered_at: str
    confirmed_by: str
    identification: str | None
    grams: dict[str, int]
    history: Sequence[EntryShown]


class Told(Shape):
    """An entry, and why it waits or was withdrawn."""

    id: str
    why: str


class Entered(Shape):
    """What became of entries that were sent."""

    accepted: list[str]
    known: list[str]
    waiting: list[Told]
    withdrawn: list[Told]


class StockRow(Shape):
    """What stands at a place under a code, which its list calls `name`."""

    place: str
    list_id: str
    code: str
    name: Names
    grams: int
    containers: int


class StockShown(Shape):
    """What is on site by place and code."""

    stock: list[StockRow]
    grams: int


class Standing(Shape):
    """What of one container stands at one place."""

    container: str
    list: str
    code: str
    name: str
    place: str
    grams: int


class StandingPage(Shape):
    """What stands on site, by container and place."""

    standing: list[Standing]
    next_cursor: str | None


class ZoneShown(Shape):
    """A part of a room."""

    capacity_kg: str | None


class LimitSet(Shape):
    """A limit as it is set; null: no end, or any device."""

    quantity: str
    unit: str
    low: str | None
    high: str | None
    device: str | None


class RoomSet(Shape):
    """What is said of a room."""

    id: str
    name: str
    lane: str | None
    capacity_kg: str | None
    zones: dict[str, ZoneShown]
    limits: list[LimitSet]
    expected_every_s: int | None
    longest_days: int


class RoomFlagShown(Shape):
    """A reason to look at a room."""

    code: str
    why: str
    verified: bool


class RoomShort(Shape):
    """A room in the list of all."""

    id: str
    name: str
    capacity_kg: str | None
    zone_names: list[str]
    grams: int
    containers: int
    open_alarms: int
    flags: list[RoomFlagShown]


class RoomList(Shape):
    """Every room, and the places of rooms that nobody has described."""

    rooms: list[RoomShort]
    of_no_room: list[str]


class HeldShown(Shape):
    """What one container holds in a room, and since when the oldest of it is in the ledger."""

    container: str
    list: str
    code: str
    name: str
    place: str
    grams: int
    since: str


class LimitShown(Shape):
    """A limit of a sensor; `broken` says how its newest reading breaks it."""

    low: str | None
    high: str | None
    unit: str
    broken: str | None


class Said(Shape):
    """The newest reading."""

    at: str
    value: float | None


class SensorStep(Shape):
    """The lowest and highest of n readings in one of equally long parts of the time."""

    from_: str = Field(alias="from")
    n: int
    low: float | None
    high: float | None


class Gap(Shape):
    """A time in which a sensor should have said something, and did not."""

    from_: str = Field(alias="from")
    to: str


class SensorShown(Shape):
    """A sensor; `gaps` null: how often it should speak is not known."""

    device: str | None
    quantity: str
    unit: str
    latest: Said | None
    steps: list[SensorStep]
    gaps: list[Gap] | None
    limits: list[LimitShown]


class RoomShown(RoomSet, RoomShort):
    """A room with its stock, its sensors and its alarms; a step of a sensor is `step_s` seconds long."""

    stock: list[HeldShown]
    from_: str = Field(alias="from")
    to: str
    step_s: float
    sensors: list[SensorShown]
    alarms: list[AlarmShown]


class ManifestLineShown(Shape):
    """Grams of one container, and where they stood."""

    container: str
    place: str
    grams: int


class ManifestStepShown(Shape):
    """A step that was taken; what it says beside these depends on its kind."""

    id: str
    kind: Literal["declare", "take_effect", "sign", "gate", "receive", "return", "cancel"]
    person: str
    at: str
    actor: str
    party: str | None = None
    number: str | None = None
    signature: str | None = None
    plate: str | None = None
    grams: int | None = None
    faults: list[str] | None = None
    weighed: dict[str, int] | None = None
    refused: list[str] | None = None
    why: str | None = None
    batch: str | None = None
    place: str | None = None
    reason: str | None = None


class ManifestFlag(Shape):
    """What is amiss with a transfer."""

    code: Literal["weights_differ", "refused"]
    why: str


class ManifestShown(Shape):
    """A transfer: what goes where with whom, where it stands, and every step."""

    id: str
    sender: str
    carrier: str
    receiver: str
    permit: str
    method: str
    plate: str
    tolerance_kg: str
    lines: list[ManifestLineShown]
    grams: int
    state: Literal["draft", "declared", "effective", "transferred", "received", "closed", "cancelled"]
    steps: list[ManifestStepShown]
    flags: list[ManifestFlag]


class ManifestList(Shape):
    """Transfers, newest first."""

    manifests: list[ManifestShown]
