"""Indicators that are not there: frames as each protocol writes them, and the story of a truck that is weighed.

For the demo, for tests, and for a site that wants to try its set-up before a real line is connected. Written from the
sources of the protocols, not from the parsers, so that one checks the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Sample:
    """What an indicator shows at one moment; `unit` is kg, t or lb."""

    value: Decimal
    moving: bool = False
    overload: bool = False
    unit: str = "kg"


def drive_over(gross: Decimal, *, steps: int = 12, hold: int = 40) -> Iterator[Sample]:
    """An empty scale, a truck that drives on, settles, stands, and drives off; `gross` in kg, a whole number of 20s."""
    empty = Sample(Decimal(0))
    division = Decimal(20)
    yield from [empty] * steps
    ramp = [(gross * step / steps) // division * division for step in range(1, steps)]
    yield from (Sample(value, moving=True) for value in ramp)
    for swing in (3, -2, 1):
        yield Sample(gross + swing * division, moving=True)
    yield from [Sample(gross)] * hold
    yield from (Sample(value, moving=True) for value in reversed(ramp))
    yield from [empty] * steps


# Frames, by the name of the protocol.


def _toledo(shown: Sample) -> bytes:
    sign, digits, exponent = shown.value.as_tuple()
    word_a = 0x28 | (2 - int(exponent))
    word_b = 0x20 | sign << 1 | shown.overload << 2 | shown.moving << 3 | (shown.unit == "kg") << 4
    word_c = 0x22 if shown.unit == "t" else 0x20
    number = "".join(map(str, digits)).rjust(6)
    return b"\x02" + bytes((word_a, word_b, word_c)) + number.encode() + b"     0\r"


def _toledo_with_checksum(shown: Sample) -> bytes:
    frame = _toledo(shown)
    return frame + bytes([(0x80 - sum(frame) % 0x80) % 0x80])


def _a9(shown: Sample, *, nibbles: bool = False) -> bytes:
    sign, digits, exponent = shown.value.as_tuple()
    body = f"{'-' if sign else '+'}{int(''.join(map(str, digits))):06d}{-int(exponent)}".encode()
    check = 0
    for byte in body:
        check ^= byte
    coded = bytes([0x30 + check // 16, 0x30 + check % 16]) if nibbles else f"{check:02X}".encode()
    return b"\x02" + body + coded + b"\x03"


def _a9_nibbles(shown: Sample) -> bytes:
    return _a9(shown, nibbles=True)


def _a12e(shown: Sample) -> bytes:
    return f"ww{shown.value:07f}{shown.unit}".encode()


def _sics(shown: Sample) -> bytes:
    if shown.overload:
        return b"S +\r\n"
    return f"S {'D' if shown.moving else 'S'} {shown.value:>10f} {shown.unit}\r\n".encode()


FRAMES: dict[str, Callable[[Sample], bytes]] = {
    "toledo": _toledo,
    "toledo-checksum": _toledo_with_checksum,
    "a9": _a9,
    "a9-nibbles": _a9_nibbles,
    "a12e": _a12e,
    "sics": _sics,
}


# What goes wrong in a yard: each turns one frame into the bytes that arrive instead.


def noise(frame: bytes) -> bytes:
    """A motor starts beside the cable."""
    return bytes(byte ^ 0x5A for byte in frame[::2])


def cut(frame: bytes) -> bytes:
    """The plug was pulled out in the middle."""
    return frame[: len(frame) // 2]


def damaged(frame: bytes) -> bytes:
    """One digit arrives as another one."""
    return frame[:6] + bytes([frame[6] ^ 0x01]) + frame[7:]


def negative(shown: Sample) -> Sample:
    """The scale was set to zero with something on it."""
    return replace(shown, value=-abs(shown.value))
