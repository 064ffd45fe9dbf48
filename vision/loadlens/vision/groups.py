"""Passes over the groups of pictures of a video in which nothing changes.

A group is a key frame, which is complete in itself, and the pictures behind it, which are built upon it. Once two key
frames in a row are alike down to a speck, the group behind the second is kept back as it came, encoded. If the next
key frame is alike too, that group is passed over: a surface that is the same before and after showed no layer between.
If it is not, all of the group is decoded after all, late but whole, so that work that begins loses no frame.

What came and went within a group leaves no trace but the size of its pictures, which hold little where nothing moves:
a group clearly larger than the lightest since everything came to rest is decoded as well. (An encoder that fills up to
a constant rate hides this; then what comes and goes between two key frames, 2.5 s at most, may go unseen.)

Groups longer than that, and those whose first pictures are built upon the group before, are always decoded.
"""

from collections.abc import Iterator

from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from loadlens.vision.decoder import Decoded, Decoder
from loadlens.vision.pixels import VideoPixels
from loadlens.vision.stillness import LUMA_WIDTH, Grid, differ, smoothed

# Cameras as delivered send a key frame every 1 to 4 s, most of them every 2. An alarm may wait as long as a group.
_SHORTEST_S, _LONGEST_S = 0.5, 2.5
# With a magnet in view groups of a rendered 1080p clip hold 60 times what they hold at rest; rest varies by a quarter.
_HEAVIER = 2.0
_HEAVIER_OF_KEY = 0.1


class StillGroups:
    """Takes the packets of a video and gives its pictures: all of them while anything changes, or without `skip`."""

    def __init__(self, decoder: Decoder, stream: VideoStream, *, skip: bool) -> None:
        self._decoder = decoder
        self._tick_s = float(stream.time_base or 0)
        self._held: list[Packet[VideoStream]] = []  # a group that may be passed over, from its key frame on
        self._key_pts = 0  # of the last key frame that came
        self._key: Grid | None = None  # the last key frame that was seen, small
        self._seen_pts = 0
        self._alike = False  # it and the one before
        self._watched = skip and decoder.clock.stamped
        self._behind_bytes = 0  # of the pictures behind the last key frame
        self._lightest_bytes = 0.0

    def take(self, packet: "Packet[VideoStream]") -> Iterator[Decoded]:
        """The pictures that are due with a packet. Raises FFmpegError where the stream cannot go on."""
        if packet.pts is None:  # as of the one that says that the video has ended
            yield from self.release()
            yield from self._decoder.decode(packet)
        elif self._watched and packet.is_keyframe and self._alike:
            yield from self._judge(packet)
        elif self._held and 0 <= self._since_key_s(packet) <= _LONGEST_S:
            self._held.append(packet)
        else:
            yield from self.release()
            yield from self._decode(packet)
        if packet.is_keyframe and packet.pts is not None:
            self._key_pts, self._behind_bytes = packet.pts, 0
        else:
            self._behind_bytes += packet.size

    def release(self) -> Iterator[Decoded]:
        """Decode after all what was kept back: nothing more may come."""
        held, self._held = self._held, []
        for packet in held:
            yield from self._decode(packet)

    def _since_key_s(self, packet: "Packet[VideoStream]") -> float:
        return ((packet.pts or 0) - self._key_pts) * self._tick_s

    def _judge(self, packet: "Packet[VideoStream]") -> Iterator[Decoded]:
        """A key frame has come behind two that were alike."""
        if not self._held:
            yield from self._decoder.drain()
        picture = self._decoder.peek(packet)
        small = None if picture is None else _small(picture)
        if picture is None or small is None or self._changed(packet, small):
            yield from self.release()
            yield from self._decode(packet)
            return
        self._held, self._key, self._seen_pts = [packet], small, packet.pts or 0
        self._lightest_bytes = min(self._lightest_bytes, self._behind_bytes)
        yield self._decoder.show(picture)

    def _changed(self, packet: "Packet[VideoStream]", small: Grid) -> bool:
        heavy = self._behind_bytes > _HEAVIER * self._lightest_bytes + _HEAVIER_OF_KEY * packet.size
        long = not _SHORTEST_S <= self._since_key_s(packet) <= _LONGEST_S
        return heavy or long or self._key is None or differ(self._key, small)

    def _decode(self, packet: "Packet[VideoStream]") -> Iterator[Decoded]:
        if not packet.is_keyframe and self._since_key_s(packet) < 0:
            self._watched = False  # groups are built upon each other
        for decoded in self._decoder.decode(packet):
            if self._watched and decoded.picture.key_frame:
                self._note(decoded.picture)
            yield decoded

    def _note(self, picture: VideoFrame) -> None:
        """Compare a key frame, decoded in its turn, with the one before."""
        since_s, before = ((picture.pts or 0) - self._seen_pts) * self._tick_s, self._key
        self._seen_pts = picture.pts or 0
        # Where every picture is a key frame none is worth comparing.
        self._key = _small(picture) if since_s >= _SHORTEST_S or before is None else None
        self._alike = (
            before is not None
            and self._key is not None
            and _SHORTEST_S <= since_s <= _LONGEST_S
            and not differ(before, self._key)
        )
        self._lightest_bytes = float("inf")


def _small(picture: VideoFrame) -> Grid:
    pixels = VideoPixels(picture)
    return smoothed(pixels.luma(LUMA_WIDTH, max(1, round(pixels.height * LUMA_WIDTH / pixels.width))))
