"""Where a Modbus device keeps its weight: a TOML file, because every maker and every site has its own.

device_id = 1
table = "holding"                   # or "input"

[weight]
address = 0                         # of the first register, counted from 0
type = "int32"                      # int16, uint16, int32, uint32, float32
word_order = "big"                  # which of two registers comes first; or "little"
decimals = 0                        # how many digits stand behind the point
unit = "kg"                         # kg, t or lb

[stable]                            # which bit says so; stable and in_range must be there, net may be
address = 2
bit = 0
when = 1                            # the bit's value that means yes
"""

import math
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pymodbus.client.mixin import ModbusClientMixin

from loadlens.grading.quantity import round_to
from loadlens.serving.errors import RefusedError
from loadlens.serving.ingest.weighbridge.indication import Indication, Reject, Unit

_DATATYPE = ModbusClientMixin.DATATYPE
_TYPES = {
    "int16": _DATATYPE.INT16,
    "uint16": _DATATYPE.UINT16,
    "int32": _DATATYPE.INT32,
    "uint32": _DATATYPE.UINT32,
    "float32": _DATATYPE.FLOAT32,
}
# One request reads all, so that weight and flags are of one moment; this is the most that one may ask for.
_MOST_REGISTERS = 125


class Flag(BaseModel):
    """One bit of one register."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: int = Field(ge=0, le=65535)
    bit: int = Field(ge=0, le=15)
    when: Literal[0, 1]


class WeightRegister(BaseModel):
    """The number itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    address: int = Field(ge=0, le=65535)
    type: Literal["int16", "uint16", "int32", "uint32", "float32"]
    word_order: Literal["big", "little"] = "big"
    decimals: int = Field(ge=0, le=5)
    unit: Unit


class RegisterMap(BaseModel):
    """The map of one device."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    device_id: int = Field(default=1, ge=0, le=255)
    table: Literal["holding", "input"] = "holding"
    weight: WeightRegister
    stable: Flag
    in_range: Flag
    net: Flag | None = None

    @property
    def span(self) -> tuple[int, int]:
        """The first register that is needed, and how many from there."""
        words = _TYPES[self.weight.type].value[1]
        flags = [flag.address for flag in (self.stable, self.in_range, self.net) if flag is not None]
        first = min(self.weight.address, *flags)
        return first, max(self.weight.address + words, *(address + 1 for address in flags)) - first

    def read(self, registers: list[int]) -> Indication | Reject:
        """What the registers of `span` say."""
        raw = b"".join(register.to_bytes(2, "big") for register in registers)
        begin = self.weight.address - self.span[0]
        kind = _TYPES[self.weight.type]
        words = registers[begin : begin + kind.value[1]]
        number = ModbusClientMixin.convert_from_registers(words, kind, self.weight.word_order)
        if not isinstance(number, int | float) or not math.isfinite(number):
            return Reject("not a number", raw)
        if isinstance(number, float):
            # A binary fraction stands for the decimal that the display shows.
            value = round_to(Decimal(number), Decimal(1).scaleb(-self.weight.decimals))
        else:
            value = Decimal(number).scaleb(-self.weight.decimals)
        return Indication(
            value=value,
            unit=self.weight.unit,
            raw=raw,
            stable=self._is(self.stable, registers),
            in_range=self._is(self.in_range, registers),
            net=None if self.net is None else self._is(self.net, registers),
        )

    def _is(self, flag: Flag, registers: list[int]) -> bool:
        return registers[flag.address - self.span[0]] >> flag.bit & 1 == flag.when


def read_map(file: Path) -> RegisterMap:
    """The map in a file. Raises RefusedError with every fault of it."""
    try:
        described = RegisterMap.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RefusedError(f"{file}: cannot be read as a register map ({error})") from error
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        raise RefusedError(f"{file}: {'; '.join(faults)}") from error
    if described.span[1] > _MOST_REGISTERS:
        raise RefusedError(f"{file}: its registers lie more than {_MOST_REGISTERS} apart; no single request reads them")
    return described
