"""Decodes the pictures of one video: those that are needed, each with its time, none that damage has spoiled."""

import time
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

# After an error pictures are smeared until the next one that is complete in itself; some cameras never send another
# such picture, but mend every part of it within this time.
_SMEARED_FOR_S = 10.0
# A camera set to the very rate that is asked for delivers a few milliseconds early or late.
JITTER = 0.1


class Decoded(NamedTuple):
    """A sound picture and its time in seconds; `unbroken` where nothing happened since the one before it."""

    time_s: float
    picture: VideoFrame
    unbroken: bool = False


class Decoder:
    """Decodes packets in the order in which they come; `clock` and `damage` say how that went.

    Of the pictures that no other is built upon only those are decoded that lie `every_s` apart.
    """

    def __init__(self, stream: VideoStream, container_format: str, every_s: float) -> None:
        self.clock = Clock(stream, container_format)
        self.damage = Damage(stream)
        self._context = stream.codec_context
        self._time_base = stream.time_base
        self._spacing = _Spacing(stream, every_s)
        self._shown_pts: int | None = None

    def decode(self, packet: "Packet[VideoStream]") -> Iterator[Decoded]:
        """The pictures that come to light with a packet. Raises FFmpegError where the stream cannot go on."""
        if packet.is_corrupt:
            self.damage.strike(self.clock.last_s, packet.pts)
        all_of_it = not self.clock.stamped or self._spacing.wants(packet)
        self._context.skip_frame = "DEFAULT" if all_of_it else "NONREF"
        try:
            pictures = packet.decode()
        except av.error.InvalidDataError:
            self.damage.strike(self.clock.last_s, packet.pts)
            return
        yield from self._sound(pictures)

    def drain(self) -> Iterator[Decoded]:
        """What is still on its way through the decoder, which then can go on at any key frame."""
        pictures = self._context.decode(None)
        self._context.flush_buffers()
        yield from self._sound(self._timed(pictures))

    def peek(self, packet: "Packet[VideoStream]") -> VideoFrame | None:
        """The picture of a key frame, of a decoder that was drained, as if it had not been decoded; None if damaged."""
        self._context.skip_frame = "DEFAULT"
        try:
            pictures = [*self._context.decode(packet), *self._context.decode(None)]
        except av.error.InvalidDataError:
            return None
        finally:
            self._context.flush_buffers()
        if packet.is_corrupt or len(pictures) != 1 or pictures[0].is_corrupt:
            return None
        return self._timed(pictures)[0]

    def _timed(self, pictures: list[VideoFrame]) -> list[VideoFrame]:
        """Pictures of a drained decoder, which forgets what unit their times have."""
        for picture in pictures:
            if self._time_base is not None:
                picture.time_base = self._time_base
        return pictures

    def show(self, picture: VideoFrame) -> Decoded:
        """Hand on a picture that was peeked at, in place of all since the last one; its packet may be decoded later."""
        self._shown_pts = picture.pts
        self.damage.spares(self.clock.last_s, picture)
        return Decoded(self.clock.tell(picture, unbroken=True), picture, unbroken=True)

    def _sound(self, pictures: Sequence[VideoFrame]) -> Iterator[Decoded]:
        for picture in pictures:
            if picture.pts is not None and picture.pts == self._shown_pts:
                continue
            time_s = self.clock.tell(picture)
            if self.damage.spares(time_s, picture):
                yield Decoded(time_s, picture)


class _Spacing:
    """Foretells which pictures will be handed on, from the times that packets carry."""

    def __init__(self, stream: VideoStream, every_s: float) -> None:
        self._every = every_s / float(stream.time_base) if stream.time_base else 0.0
        self._due = -float("inf")
        self._coming: list[int] = []  # decoded, but perhaps not yet shown
        self._dts = -float("inf")

    def wants(self, packet: "Packet[VideoStream]") -> bool:
        """Whether the picture may be the first that is shown once one is due."""
        if packet.pts is None or not self._every:
            return True
        if packet.dts is not None:
            if packet.dts < self._dts:  # the camera's clock jumped back
                self._due, self._coming = -float("inf"), []
            self._dts = packet.dts
        # Nothing that is still to come is shown before the time at which this packet is decoded.
        while packet.dts is not None and (first := min(self._coming, default=packet.dts + 1)) <= packet.dts:
            self._due = first + (1 - JITTER) * self._every
            self._coming = [pts for pts in self._coming if pts >= self._due]
        wanted = packet.pts >= self._due and not any(pts < packet.pts for pts in self._coming)
        if wanted:
            self._coming.append(packet.pts)
        return wanted


class Clock:
    """Seconds since the first frame, never backward, whatever the camera's own clock does."""

    def __init__(self, stream: VideoStream, container_format: str) -> None:
        # Pictures pushed over HTTP carry no time; the library would invent 25 a second.
        self._live = container_format == "mpjpeg"
        # AVI holds one rate and the order of decoding, which is not that of showing.
        self._counted = container_format == "avi"
        rate = stream.average_rate or stream.guessed_rate
        self._usual_gap_s = float(1 / rate) if rate else 0.04
        self._offset_s: float | None = None
        self.last_s = 0.0
        self.longest_gap_s = 0.0
        self.jumps = 0

    @property
    def stamped(self) -> bool:
        """Whether frames carry their times, so that some may be left out."""
        return not self._live and not self._counted

    def tell(self, frame: VideoFrame, *, unbroken: bool = False) -> float:
        """The time of the next frame in decoding order; `unbroken` if those before it were left out on purpose."""
        raw = time.monotonic() if self._live else None if self._counted else frame.time
        if self._offset_s is None:
            self._offset_s = -(raw or 0.0)
            return 0.0
        now = self.last_s + self._usual_gap_s if raw is None else raw + self._offset_s
        if now < self.last_s:
            self.jumps += 1
            self._offset_s += self.last_s + self._usual_gap_s - now
            now = self.last_s + self._usual_gap_s
        if not unbroken:
            self.longest_gap_s = max(self.longest_gap_s, now - self.last_s)
        self.last_s = now
        return now


class Damage:
    """Counts decode errors and knows which pictures they spoil: each is drawn upon those before it."""

    def __init__(self, stream: VideoStream) -> None:
        self.errors = 0
        self.first_s = 0.0
        self.sound = 0
        self._struck: int | None = None  # time stamp of the damaged picture while it spoils others
        self._lasts = int(_SMEARED_FOR_S / stream.time_base) if stream.time_base else 0

    def strike(self, time_s: float, pts: int | None) -> None:
        """Note a decode error at about this second, in the picture of this time stamp."""
        self.first_s = self.first_s if self.errors else time_s
        self.errors += 1
        self._struck = pts

    def spares(self, time_s: float, frame: VideoFrame) -> bool:
        """Whether a decoded frame, given in order, is sound."""
        if frame.is_corrupt:
            self.strike(time_s, frame.pts)
            return False
        if self._struck is not None and frame.pts is not None and frame.pts >= self._struck:
            mended = frame.key_frame and frame.pts > self._struck
            if not mended and frame.pts - self._struck <= self._lasts:
                return False
            self._struck = None
        self.sound += 1
        return True
