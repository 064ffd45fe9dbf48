"""Yaohua XK3190 indicators in continuous mode.

A9:   STX  sign  6 digits  decimals  2 check characters  ETX  (check: XOR of the bytes from sign to decimals)
A12E: w, what (w gross, n net, t tare), 7 characters of value, unit (kg or lb), such as "ww0003.17kg"

Both encodings of the A9's check that exist in the field are accepted: hexadecimal digits, and nibbles plus 0x30.
The A9 tells neither unit nor motion nor range: the unit is what the site says, stability is found by time.
Sources: domain notes 8.2; frames captured in the field (test_yaohua.py).
"""

import re
from decimal import Decimal
from functools import partial, reduce
from operator import xor

from loadlens.serving.ingest.weighbridge.framing import Take, fixed_frame
from loadlens.serving.ingest.weighbridge.indication import Indication, Reject, Unit

STX, ETX = b"\x02", b"\x03"
_A9_LENGTH = 12
_A9 = re.compile(rb"\x02([+-])([0-9]{6})([0-4])(..)\x03", re.DOTALL)

_A12E_LENGTH = 11
_A12E = re.compile(rb"w([wnt])(-?[0-9]+(?:\.[0-9]+)?)(kg|lb)")
_LINE_ENDS = b"\r\n"
_MOST_LINE_ENDS = 2


def a9(unit: Unit) -> Take:
    """The A9's frame of twelve bytes, on an indicator that is set to `unit`."""
    return fixed_frame(STX, _A9_LENGTH, partial(_a9_decoded, unit))


def a9_check(body: bytes) -> int:
    """The XOR of the bytes from sign to decimals."""
    return reduce(xor, body)


def _a9_decoded(unit: Unit, frame: bytes) -> Indication | str:
    matched = _A9.fullmatch(frame)
    if matched is None:
        return "not the form of a frame"
    check = a9_check(frame[1:9])
    high, low = matched[4]
    if not (_shows(high, check >> 4) and _shows(low, check & 0x0F)):
        return "wrong checksum"
    value = Decimal(int(matched[1] + matched[2])).scaleb(-int(matched[3]))
    return Indication(value=value, unit=unit, raw=frame)


def _shows(character: int, nibble: int) -> bool:
    return character in (0x30 + nibble, *f"{nibble:X}{nibble:x}".encode())


def a12e(waiting: bytes) -> Indication | Reject | None:
    """The A12E's text; line ends before a frame, where the indicator sends them, are part of it."""
    begin = waiting.find(b"w")
    lead = waiting if begin < 0 else waiting[:begin]
    noise = lead[: max(len(lead.rstrip(_LINE_ENDS)), len(lead) - _MOST_LINE_ENDS)]
    if noise:
        return Reject("noise", noise)
    text = waiting[begin : begin + _A12E_LENGTH] if begin >= 0 else b""
    # No letter after the second is a w, so another one is the start of the next frame.
    cut_short = text.find(b"w", 2) > 0
    if len(text) < _A12E_LENGTH and not cut_short:
        return None
    matched = _A12E.fullmatch(text)
    if matched is None:
        again = text.find(b"w", 1)
        refused = waiting[: begin + (again if again > 0 else _A12E_LENGTH)]
        return Reject("cut short" if cut_short else "not the form of a frame", refused)
    frame = waiting[: begin + _A12E_LENGTH]
    if matched[1] == b"t":
        return Reject("the tare, not a weighing", frame)
    return Indication(
        value=Decimal(matched[2].decode()), unit=Unit(matched[3].decode()), raw=frame, net=matched[1] == b"n"
    )
