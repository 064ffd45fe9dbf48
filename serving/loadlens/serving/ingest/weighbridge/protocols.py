"""The protocols by name, as `--protocol` takes them."""

from collections.abc import Callable
from dataclasses import dataclass

from loadlens.serving.ingest.weighbridge.framing import Take
from loadlens.serving.ingest.weighbridge.indication import Unit
from loadlens.serving.ingest.weighbridge.sics import sics
from loadlens.serving.ingest.weighbridge.toledo import toledo
from loadlens.serving.ingest.weighbridge.yaohua import a9, a12e

# Equal indications that make a weighing. With a motion flag the scale itself has waited; without one, at the usual ten
# indications a second, two seconds of stillness are asked for.
_WITH_MOTION_FLAG = 5
_WITHOUT_MOTION_FLAG = 20


@dataclass(frozen=True, slots=True)
class Protocol:
    """How one kind of indicator speaks. `ask_once` is sent when the line opens, `ask` again and again."""

    about: str
    take: Callable[[Unit | None], Take]
    tells_unit: bool = True
    repeats: int = _WITH_MOTION_FLAG
    ask_once: bytes = b""
    ask: bytes = b""


def _a9(unit: Unit | None) -> Take:
    if unit is None:
        raise ValueError("the A9 does not tell its unit; give --unit")
    return a9(unit)


PROTOCOLS = {
    "toledo": Protocol("Toledo continuous output without checksum", lambda _: toledo(checksum=False)),
    "toledo-checksum": Protocol("Toledo continuous output with checksum", lambda _: toledo(checksum=True)),
    "xk3190-a9": Protocol("Yaohua XK3190-A9, continuous", _a9, tells_unit=False, repeats=_WITHOUT_MOTION_FLAG),
    "xk3190-a12e": Protocol("Yaohua XK3190-A12E, text", lambda _: a12e, repeats=_WITHOUT_MOTION_FLAG),
    # `S` answers only once the scale is stable; one answer is enough, a second one shows that it stays.
    "mt-sics-s": Protocol("MT-SICS, asks for stable weights", lambda _: sics, repeats=2, ask=b"S\r\n"),
    "mt-sics-si": Protocol("MT-SICS, asks for weights at once", lambda _: sics, ask=b"SI\r\n"),
    "mt-sics-sir": Protocol("MT-SICS, weights at once and repeated", lambda _: sics, ask_once=b"SIR\r\n"),
}
