"""A label for waste that is not listed as hazardous: what it is, whose, how much, and a code to scan.

No standard asks for it; it is of our own design, white, so that nobody takes it for a label of hazardous waste.
"""

from dataclasses import dataclass
from datetime import date

from loadlens.grading.quantity import Mass
from loadlens.waste.codes import WasteCode
from loadlens.waste.label import LabelError, Producer, Size, edition_doubts, size_for


@dataclass(frozen=True, slots=True)
class PlainLabel:
    """What stands on it. `confirmed_by` is who confirmed the code."""

    identity: str
    name: str
    code: WasteCode
    producer: Producer
    produced_on: date
    mass: Mass
    litres: float
    confirmed_by: str
    remark: str = ""

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise LabelError("name is empty; a label without it says nothing")
        if self.code.hazardous is True:
            raise LabelError(f"{self.code.code} of {self.code.list_id} is hazardous; print its own label")
        if self.mass.kg <= 0:
            raise LabelError(f"a container of waste weighs more than {self.mass}")
        size_for(self.litres)

    @property
    def size(self) -> Size:
        """How large it is printed: as large as that of hazardous waste."""
        return size_for(self.litres)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What must be said beside the label, in plain words."""
        return edition_doubts(self.code, self.produced_on)
