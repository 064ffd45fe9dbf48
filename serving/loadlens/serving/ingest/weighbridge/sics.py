"""MT-SICS, the dialogue of Mettler-Toledo: `S` (wait until stable), `SI` (at once) or `SIR` (at once, repeated).

    S S     48960 kg      stable            S D     48960 kg      dynamic
    S +  overload    S -  underload    S I  cannot now    ES ET EL  not understood

Each answer ends with CR LF. Sources: domain notes 8.2; Mettler-Toledo operating instructions of AT, AL and JS scales.
"""

import re
from decimal import Decimal

from loadlens.serving.ingest.weighbridge.indication import Indication, Reject, Unit

_WEIGHT = re.compile(rb"S ([SD]) +(-?[0-9]+(?:\.[0-9]+)?) ([^ \r\n]+) *\r?\n")
_WITHOUT_WEIGHT = {
    b"S +": "overload",
    b"S -": "underload",
    b"S I": "the scale cannot answer now",
    b"ES": "the scale does not know the command",
    b"ET": "the scale received the command damaged",
    b"EL": "the scale cannot carry out the command",
}
# The longest answer, "S S" with ten characters of value and a unit, is a third of this.
_LONGEST = 64
_UNITS = {unit.value.encode(): unit for unit in Unit}


def sics(waiting: bytes) -> Indication | Reject | None:
    """One answer, a line."""
    end = waiting.find(b"\n", 0, _LONGEST)
    if end < 0:
        return Reject("noise", waiting[:_LONGEST]) if len(waiting) >= _LONGEST else None
    line = waiting[: end + 1]
    matched = _WEIGHT.fullmatch(line)
    if matched is None:
        return Reject(_WITHOUT_WEIGHT.get(line.rstrip(), "not the form of an answer"), line)
    if matched[3] not in _UNITS:
        return Reject("unit other than kg, t or lb", line)
    return Indication(
        value=Decimal(matched[2].decode()), unit=_UNITS[matched[3]], raw=line, stable=matched[1] == b"S", in_range=True
    )
