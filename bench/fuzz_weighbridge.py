"""Random, damaged and hostile bytes into every weighbridge protocol, for as long as you like.

    python bench/fuzz_weighbridge.py [--seconds 600] [--seed 0]

Each stream is frames of a simulator with noise between them, bytes changed, dropped and doubled, cut at random places.
Stops at the first stream that raises an error, loses a byte, holds back more than one frame, or is read differently
when it comes in one piece. Prints streams, bytes, readings and rejects for each protocol, and the growth of memory.
"""

import argparse
import random
import resource
import time
from collections import Counter
from decimal import Decimal

from loadlens.serving.ingest.weighbridge.framing import FrameParser, Take
from loadlens.serving.ingest.weighbridge.indication import Indication, Reject, Unit
from loadlens.serving.ingest.weighbridge.sics import sics
from loadlens.serving.ingest.weighbridge.simulator import FRAMES, Sample
from loadlens.serving.ingest.weighbridge.toledo import toledo
from loadlens.serving.ingest.weighbridge.topics import KINDS, read_payload
from loadlens.serving.ingest.weighbridge.yaohua import a9, a12e

PROTOCOLS: dict[str, Take] = {
    "toledo": toledo(checksum=False),
    "toledo-checksum": toledo(checksum=True),
    "a9": a9(Unit.KG),
    "a9-nibbles": a9(Unit.T),
    "a12e": a12e,
    "sics": sics,
}
MOST_WAITING = 64
PAYLOAD = b'{"at": "2026-03-01T08:00:00+08:00", "value": 48960, "unit": "kg", "stable": true, "in_range": true}'


def damaged(chance: random.Random, data: bytes) -> bytes:
    """A few bytes changed, dropped or doubled."""
    out = bytearray(data)
    for _ in range(chance.randrange(6)):
        if out:
            place = chance.randrange(len(out))
            out[place : place + chance.randrange(2)] = chance.randbytes(chance.randrange(3))
    return bytes(out)


def stream(chance: random.Random, protocol: str) -> bytes:
    """Frames and noise, damaged."""
    pieces = []
    for _ in range(chance.randrange(1, 20)):
        if chance.random() < 0.3:
            pieces.append(chance.randbytes(chance.randrange(100)))
            continue
        value = Decimal(chance.randrange(-99999, 99999)).scaleb(-chance.randrange(4))
        pieces.append(FRAMES[protocol](Sample(value, moving=chance.random() < 0.5, overload=chance.random() < 0.1)))
    return damaged(chance, b"".join(pieces))


def check(take: Take, data: bytes, chance: random.Random) -> list[Indication | Reject]:
    """Parse in pieces and in one; raises AssertionError where a promise is broken."""
    pieces, results, place = FrameParser(take), [], 0
    while place < len(data):
        step = chance.randrange(1, 40)
        results += pieces.feed(data[place : place + step])
        assert len(pieces.waiting) <= MOST_WAITING, data.hex()
        place += step
    whole = FrameParser(take)
    at_once = whole.feed(data)
    assert b"".join(result.raw for result in results) + pieces.waiting == data, data.hex()
    assert whole.waiting == pieces.waiting, data.hex()
    assert _readings(results) == _readings(at_once), data.hex()
    return results


def _readings(results: list[Indication | Reject]) -> list[Indication]:
    return [result for result in results if isinstance(result, Indication)]


def memory_mb() -> float:
    """The most memory this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Fuzz and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    chance = random.Random(chosen.seed)
    counts: dict[str, Counter[str]] = {name: Counter() for name in [*PROTOCOLS, "mqtt"]}
    warm, end = 0.0, time.monotonic() + chosen.seconds
    while time.monotonic() < end:
        for name, take in PROTOCOLS.items():
            data = stream(chance, name)
            results = check(take, data, chance)
            counts[name] += Counter(
                streams=1,
                bytes=len(data),
                readings=len(_readings(results)),
                rejects=len(results) - len(_readings(results)),
            )
        payload = damaged(chance, PAYLOAD)
        refused = isinstance(read_payload(chance.choice([*KINDS, "other"]), payload), Reject)
        counts["mqtt"] += Counter(streams=1, bytes=len(payload), readings=not refused, rejects=refused)
        if counts["mqtt"]["streams"] == 1000:
            warm = memory_mb()
    for name, count in counts.items():
        print(f"{name:<16} " + ", ".join(f"{count[what]:,} {what}" for what in count))
    print(f"memory grew by {memory_mb() - warm:.1f} MB after the first thousand streams")


if __name__ == "__main__":
    main()
