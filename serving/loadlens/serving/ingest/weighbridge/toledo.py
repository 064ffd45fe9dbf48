"""Toledo continuous output, as Mettler-Toledo terminals and many others (Keli, Cardinal, Fairbanks) stream it.

    STX SWA SWB SWC  6 digits weight  6 digits tare  CR [CHK]

Seven bits with the top bit clear; insignificant leading zeros may be spaces. CHK makes the sum of all bytes, taken
modulo 128, zero. Sources: Rockwell 57C428 appendix D, Mettler-Toledo IND445 and KERN FTC manuals section 5.2
(checksum, order of bytes), domain notes 8.2 (status words), Mettler-Toledo IND terminals (word C, expanded display).
"""

import re
from decimal import Decimal

from loadlens.serving.ingest.weighbridge.framing import Take, fixed_frame
from loadlens.serving.ingest.weighbridge.indication import Indication, Unit

STX, CR = b"\x02", b"\r"

# Word A, bits 0 to 2: the power of ten of the last digit.
_EXPONENT = (2, 1, 0, -1, -2, -3, -4, -5)
# Word C, bits 0 to 2: 0 leaves the unit to word B, 2 is the metric tonne; grams, ounces, short tons are refused.
_BY_WORD_B, _TONNES = 0, 2
_ALWAYS_SET = 0x20
_SIX = re.compile(rb" {0,5}[0-9]{1,6}")


def toledo(*, checksum: bool) -> Take:
    """The protocol with or without its checksum byte; the indicator's set-up says which, and it is never guessed."""
    return fixed_frame(STX, 18 if checksum else 17, _checked if checksum else _decoded)


def checksum_of(frame: bytes) -> int:
    """The byte that makes the sum of the frame a multiple of 128; 0 to 127."""
    return -sum(frame) & 0x7F


def _checked(frame: bytes) -> Indication | str:
    if checksum_of(frame[:17]) != frame[17]:
        return "wrong checksum"
    return _decoded(frame)


def _decoded(frame: bytes) -> Indication | str:
    word_a, word_b, word_c = frame[1:4]
    if not all(word & _ALWAYS_SET and word < 0x80 for word in (word_a, word_b, word_c)):
        return "impossible status word"
    weight, tare = frame[4:10], frame[10:16]
    if frame[16:17] != CR or not (_SIX.fullmatch(weight) and _SIX.fullmatch(tare)):
        return "not the form of a frame"
    if word_c & 0x10:
        return "expanded display, not for trade"
    unit = {_BY_WORD_B: Unit.KG if word_b & 0x10 else Unit.LB, _TONNES: Unit.T}.get(word_c & 0x07)
    if unit is None:
        return "unit other than kg, t or lb"
    return Indication(
        value=Decimal(int(weight) * (-1 if word_b & 0x02 else 1)).scaleb(_EXPONENT[word_a & 0x07]),
        unit=unit,
        raw=frame,
        stable=not word_b & 0x08,
        in_range=not word_b & 0x04,
        net=bool(word_b & 0x01),
    )
