"""Cutting a stream of bytes into frames: whatever comes, in whatever pieces, every byte ends in one result.

A protocol is a function that looks at the waiting bytes and takes some of them from the front: as an `Indication`, or
as a `Reject` where they are no frame. It answers None while it cannot tell yet, and what it answers must not depend on
how many bytes follow; so the results of a stream are the same for any cuts, and a parser finds its way back by itself.
"""

from collections.abc import Callable

from loadlens.serving.ingest.weighbridge.indication import Indication, Reject

Take = Callable[[bytes], Indication | Reject | None]


class FrameParser:
    """Bytes in, results out; holds back no more than one frame."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._waiting = b""

    @property
    def waiting(self) -> bytes:
        """Bytes that are the beginning of a frame, as far as one can tell."""
        return self._waiting

    def feed(self, data: bytes) -> list[Indication | Reject]:
        """The results that these bytes complete, in order; their `raw` are the bytes of the stream without a gap."""
        waiting = self._waiting + data
        results = []
        while waiting and (result := self._take(waiting)) is not None:
            results.append(result)
            waiting = waiting[len(result.raw) :]
        self._waiting = waiting
        return results

    def reset(self) -> Reject | None:
        """Forget what is waiting, as when a line was cut; it is rejected, not lost silently."""
        cut, self._waiting = self._waiting, b""
        return Reject("cut off", cut) if cut else None


def fixed_frame(start: bytes, length: int, decode: Callable[[bytes], Indication | str]) -> Take:
    """A protocol whose frames begin with one byte and have one length; `decode` gives the reason of a bad one.

    A frame is searched from each `start`, so a good frame is found also where it begins inside a bad one.
    """

    def take(waiting: bytes) -> Indication | Reject | None:
        begin = waiting.find(start)
        if begin != 0:
            return Reject("noise", waiting if begin < 0 else waiting[:begin])
        # The last byte may be a checksum of any value, also that of `start`.
        again = waiting.find(start, 1, length - 1)
        if again > 0:
            return Reject("cut short", waiting[:again])
        if len(waiting) < length:
            return None
        decoded = decode(waiting[:length])
        if isinstance(decoded, Indication):
            return decoded
        # A wrong last byte may be the start of the next frame.
        end = length - 1 if waiting[length - 1 : length] == start else length
        return Reject(decoded, waiting[:end])

    return take
