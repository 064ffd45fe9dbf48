"""A label on one container of hazardous waste: what stands on it, and how large it must be.

Designed after HJ 1276-2022 as pages quote it (sizes, letter heights, colour, fields); the standard's own text was not
read, so nothing here claims to comply with it. A label never decides what the waste is: a person confirmed the code.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from loadlens.grading.quantity import Mass
from loadlens.waste.codes import WasteCode, code_list

State = Literal["solid", "semi_solid", "liquid", "gas"]

STATES_ZH = {"solid": "固态", "semi_solid": "半固态", "liquid": "液态", "gas": "气态"}
HAZARDS_ZH = {"T": "毒性", "C": "腐蚀性", "I": "易燃性", "R": "反应性", "In": "感染性"}
BACKGROUND = (255, 150, 0)


class LabelError(ValueError):
    """A label that cannot be made from what was given; the message names the field and the remedy."""


@dataclass(frozen=True, slots=True)
class Size:
    """The least side of a square label and the least height of its letters (mm), and on how many sides it belongs."""

    side_mm: int
    letters_mm: int
    sides: int


def size_for(litres: float) -> Size:
    """The size of label that a container of this volume needs (HJ 1276-2022, as quoted). Raises LabelError."""
    if not 0 < litres < float("inf"):
        raise LabelError(f"a container of {litres:g} litres does not exist; give its volume in litres")
    if litres <= 50:
        return Size(100, 3, 1)
    return Size(150, 5, 1) if litres <= 450 else Size(200, 6, 2)


@dataclass(frozen=True, slots=True)
class Producer:
    """Who produced or collected the waste, and whom to call."""

    name: str
    unit: str
    contact: str
    phone: str


@dataclass(frozen=True, slots=True)
class Label:
    """What stands on a label. `hazards` are letters of the list's entry, confirmed by a person (`confirmed_by`)."""

    identity: str
    name: str
    code: WasteCode
    state: State
    main_components: str
    harmful_components: str
    hazards: Sequence[str]
    precautions: str
    producer: Producer
    produced_on: date
    mass: Mass
    litres: float
    confirmed_by: str
    remark: str = ""

    def __post_init__(self) -> None:
        for field in ("name", "main_components", "harmful_components", "precautions", "confirmed_by"):
            if not getattr(self, field).strip():
                raise LabelError(f"{field} is empty; a label without it is refused at the gate")
        if self.code.hazardous is not True:
            raise LabelError(f"{self.code.code} of {self.code.list_id} is not hazardous; print a general label instead")
        if unknown := sorted(set(self.hazards) - set(HAZARDS_ZH)):
            raise LabelError(f"unknown hazard letters {unknown}; there are {', '.join(HAZARDS_ZH)}")
        if not self.hazards:
            raise LabelError("no hazard is named; a hazardous waste has at least one of T, C, I, R, In")
        if len(set(self.hazards)) < len(self.hazards):
            raise LabelError(f"the label names a hazard twice: {','.join(self.hazards)}; give each once")
        if self.code.hazards and not set(self.hazards) <= set(self.code.hazards):
            raise LabelError(f"{self.code.code} is listed with {self.code.mark}, not with {','.join(self.hazards)}")
        if self.mass.kg <= 0:
            raise LabelError(f"a container of waste weighs more than {self.mass}")
        size_for(self.litres)

    @property
    def size(self) -> Size:
        """How large it is printed."""
        return size_for(self.litres)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What must be said beside the label, in plain words."""
        return edition_doubts(self.code, self.produced_on)


def edition_doubts(entry: WasteCode, day: date) -> tuple[str, ...]:
    """What is doubtful about a code that is printed on a day, in plain words."""
    about, found = code_list(entry.list_id), []
    if not entry.verified:
        found.append(f"{entry.code}: the text of {entry.list_id} was not read; check the code")
    if not about.in_force(day):
        newer = f" (edition {about.superseded_by} since {about.superseded_on})" if about.superseded_by else ""
        found.append(f"{entry.code}: edition {about.edition} of {about.id} is not in force on {day}{newer}; check it")
    return tuple(found)
