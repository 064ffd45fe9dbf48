"""What the answers about labels of waste and their codes look like. They belong to those of `shapes`."""

from collections.abc import Sequence
from typing import Literal

from loadlens.serving.api.shape import Shape
from loadlens.serving.api.shapes import Names


class ProducerShown(Shape):
    """A plant: its unified social credit code, whom to call, and whether it may treat hazardous waste."""

    unit: str
    name: str
    contact: str
    phone: str
    holds_permit: bool


class ProducerList(Shape):
    """The plants whose waste is labelled here."""

    producers: list[ProducerShown]


class WasteClassShown(Shape):
    """What a photo of waste can show."""

    id: str
    name: Names
    looks_like: str


class WasteClassList(Shape):
    """All of them, in their order."""

    classes: list[WasteClassShown]


class LabelText(Shape):
    """What stands on a label."""

    unit: str
    list: str
    code: str
    name: str
    grams: int
    litres: str
    produced_on: str
    state: Literal["solid", "semi_solid", "liquid", "gas"] | None
    main_components: str
    harmful_components: str
    hazards: Sequence[str]
    precautions: str
    remark: str


class NewestLabel(Shape):
    """What stood on the newest label under a code."""

    text: LabelText | None


class Print(Shape):
    """A print of a label; `reason` is why it was printed again."""

    at: str
    actor: str
    kind: Literal["pdf", "png", "zpl"]
    sha256: str
    reason: str


class Void(Shape):
    """Since when, by whom and why a label is void."""

    at: str
    actor: str
    on: str
    reason: str


class LabelShown(Shape):
    """A container's label; `doubts` are what must be said beside it."""

    identity: str
    text: LabelText
    doubts: list[str]
    prints: list[Print]
    void: Void | None


class ScannedShown(Shape):
    """A container as its label names it; `signed` False: the code was typed, and no signature vouches for it."""

    identity: str
    signed: bool
    labelled_grams: int | None
    list: str
    code: str
    name: str
    grams: dict[str, int]
