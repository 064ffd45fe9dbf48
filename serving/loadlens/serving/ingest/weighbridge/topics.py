"""What may be published to a yard's broker: topics and payloads, as data.

    <prefix>/<lane>/<device>/<kind>      such as  yard/3/portal/radiation

The payload is one JSON object of the kind's model below; an unknown member, a missing one or a wrong unit is refused.
Numbers are read as decimals, digit by digit. `at` is when it was measured, ISO 8601 with an offset. `id` is a UUID that
makes a message that is published twice one reading; without it the same bytes under the same topic are one.
"""

import json
import uuid
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StrictBool, ValidationError

from loadlens.serving.ingest.weighbridge.indication import Indication, Reject, Unit

# The server keeps the payload as it came, as 4,096 characters of base64 at the most.
_LONGEST_PAYLOAD = 3072
RoomQuantity = Literal[
    "temperature",
    "humidity",
    "hydrogen",
    "methane",
    "carbon_monoxide",
    "ammonia",
    "voc",
    "smoke",
    "water",
    "door",
    "weight",
]
RoomUnit = Literal["C", "%", "ppm", "%LEL", "mm", "kg", "1"]
Number = Annotated[Decimal, Field(allow_inf_nan=False, max_digits=15)]


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    at: AwareDatetime
    id: uuid.UUID | None = None


class Weight(_Message):
    """A scale: only stable, in range, above zero and not net of a tare it counts as a weighing."""

    value: Number
    unit: Unit
    stable: StrictBool
    in_range: StrictBool
    net: StrictBool = False


class GrabMass(_Message):
    """A crane scale: the mass of one grab."""

    value: Annotated[Number, Field(gt=0)]
    unit: Unit


class Plate(_Message):
    """A plate camera; an empty text is a plate that could not be read. `confidence` is 0 to 1."""

    text: Annotated[str, Field(max_length=16)]
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None


class Radiation(_Message):
    """A portal: `alarm` is its own verdict, `value` what it measured."""

    alarm: StrictBool
    value: Annotated[Number, Field(ge=0)]
    unit: Literal["uSv/h", "nSv/h", "cps"]


class Room(_Message):
    """A sensor of a storage room. Of a door 1 says that it is open, of smoke that there is some."""

    quantity: RoomQuantity
    value: Number
    unit: RoomUnit


KINDS: dict[str, type[_Message]] = {
    "weight": Weight,
    "grab_mass": GrabMass,
    "plate": Plate,
    "radiation": Radiation,
    "room": Room,
}


def read_payload(kind: str, payload: bytes) -> _Message | Reject:
    """The message of a payload, or why it is none."""
    if kind not in KINDS:
        return Reject("no such kind", payload)
    if len(payload) > _LONGEST_PAYLOAD:
        return Reject("too long", payload)
    try:
        data = json.loads(payload, parse_float=Decimal)
    except (ValueError, ArithmeticError, RecursionError):  # ArithmeticError: a number beyond any decimal
        return Reject("not JSON", payload)
    try:
        return KINDS[kind].model_validate(data)
    except ValidationError:
        return Reject("not of the schema", payload)


def reading_id(topic: str, payload: bytes, message: _Message) -> str:
    """The id under which a message is stored once, however often it comes."""
    return str(message.id or uuid.uuid5(uuid.NAMESPACE_URL, f"mqtt:{topic}\n{payload.hex()}"))


def indication(message: Weight, payload: bytes) -> Indication:
    """A weight as any indicator shows it."""
    return Indication(
        value=message.value,
        unit=message.unit,
        raw=payload,
        stable=message.stable,
        in_range=message.in_range,
        net=message.net,
    )


def facts(message: _Message, payload: bytes) -> Mapping[str, Any]:
    """The members of a reading, for every kind but a weight."""
    match message:
        case GrabMass():
            shown = Indication(value=message.value, unit=message.unit, raw=payload)
            return {"kg": f"{shown.kg:f}", "text": f"{message.value:f} {message.unit}"}
        case Plate():
            return {"text": message.text, "value": message.confidence}
        case Radiation():
            return {"text": "alarm" if message.alarm else "clear", "value": float(message.value), "unit": message.unit}
        case Room():
            return {"text": message.quantity, "value": float(message.value), "unit": message.unit}
    raise TypeError(f"{type(message).__name__} has no facts of its own")
