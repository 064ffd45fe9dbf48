"""Frames of a video file or a live stream, read with PyAV: one frame held at a time, time that never runs backward."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import av
import av.error
from av.container import InputContainer
from av.video.stream import VideoStream

from loadlens.grading.observation import Doubt
from loadlens.vision.decoder import JITTER, Clock, Damage, Decoded, Decoder
from loadlens.vision.frame import Frame
from loadlens.vision.groups import StillGroups
from loadlens.vision.image import MAX_PIXELS, SourceError, check_size
from loadlens.vision.pixels import VideoPixels

SCHEMES = ("rtsp", "rtsps", "http", "https")
# Closed lists, because other readers of the library follow what a file says: a playlist named .mp4 could make it
# open any address or file. `dhav` and `mpeg` are what the recorders of common yard cameras write.
_FILE_FORMATS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,h264,hevc,mjpeg,dhav"
_URL_FORMATS = f"{_FILE_FORMATS},rtsp,mpjpeg,hls"
_URL_PROTOCOLS = "http,https,tcp,tls,rtsp,rtp,udp,crypto"


class VideoReader:
    """Iterates over the frames of a video at least `every_s` seconds apart; `doubts` says what was wrong with it.

    With `skip_still` groups of pictures in which nothing changes are passed over. Once `ended` says so no more is read.
    """

    def __init__(
        self,
        source: str | Path,
        *,
        camera: str,
        every_s: float,
        timeout_s: float,
        skip_still: bool,
        ended: Callable[[], bool] = lambda: False,
    ) -> None:
        self._source = source
        self._name = source_name(source)
        self._camera = camera
        self._every_s = every_s
        self._timeout_s = timeout_s
        self._skip_still = skip_still
        self._ended = ended
        self._doubts: dict[str, Doubt] = {}

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """What was wrong with the source, known once it has been read to its end."""
        return tuple(self._doubts.values())

    def __iter__(self) -> Iterator[Frame]:
        self._doubts.clear()
        with self._open() as container:
            if not container.streams.video:
                raise SourceError(f"{self._name}: holds no video; give a video file or the camera's video stream")
            stream = container.streams.video[0]
            check_size(stream.codec_context.width, stream.codec_context.height, self._name)
            if stream.codec_context.name == "mjpeg":
                stream.codec_context.options = {"err_detect": "explode"}  # else half a picture passes as whole
            else:
                # Frames that no other frame is built from are left unsmoothed: cheaper, and no error spreads.
                stream.codec_context.options = {"skip_loop_filter": "noref"}
            stream.codec_context.thread_count = 1  # a frame's way is short, and other lanes need the other cores
            yield from self._spaced(self._decoded(container, stream))

    def _open(self) -> InputContainer:
        # One decoder option guards every frame, whatever size a later header in the stream claims.
        options = {"max_pixels": str(MAX_PIXELS), "correct_ts_overflow": "0"}
        began = time.monotonic()
        try:
            if isinstance(self._source, Path):
                return av.open(
                    str(self._source.resolve()),
                    options=options | {"format_whitelist": _FILE_FORMATS, "protocol_whitelist": "file"},
                )
            wanted = {"format_whitelist": _URL_FORMATS, "protocol_whitelist": _URL_PROTOCOLS, "rtsp_transport": "tcp"}
            return av.open(self._source, options=options | wanted, timeout=(self._timeout_s, self._timeout_s))
        except (av.error.FFmpegError, OSError) as error:
            raise SourceError(f"{self._name}: {self._why_not_opened(error, time.monotonic() - began)}") from error

    def _why_not_opened(self, error: Exception, waited_s: float) -> str:
        reason = getattr(error, "strerror", None) or type(error).__name__
        if isinstance(self._source, Path):
            return (
                f"not a video that can be read ({reason}); give a complete mp4, mov, mkv, avi or ts file, "
                "or a folder of pictures"
            )
        if waited_s >= self._timeout_s:  # the library names a timeout differently for each protocol
            return f"no answer within {self._timeout_s:g} s; check the camera's address and that it is switched on"
        return f"the stream cannot be opened ({reason}); check the address, the user name and the network"

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[Decoded]:
        """Every sound picture that tells something; what went wrong becomes a doubt, nothing decoded a SourceError."""
        decoder = Decoder(stream, container.format.name, self._every_s)
        groups = StillGroups(decoder, stream, skip=self._skip_still)
        broke = ""
        packets = container.demux(stream)
        while not broke and not self._ended():
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                yield from groups.take(packet)
            except av.error.InvalidDataError:
                decoder.damage.strike(decoder.clock.last_s, None)
            except (av.error.FFmpegError, OSError) as error:
                broke = getattr(error, "strerror", None) or type(error).__name__
        if broke or self._ended():
            yield from groups.release()
        self._judge_end(container, decoder.clock, decoder.damage, broke)

    def _judge_end(self, container: InputContainer, clock: Clock, damage: Damage, broke: str) -> None:
        if not damage.sound:
            raise SourceError(
                f"{self._name}: not one frame can be decoded ({damage.errors} decode errors); record or copy it again"
            )
        if clock.jumps:
            self._doubt("clock_jump", f"the camera's clock jumped back {clock.jumps} times; times were made to go on")
        declared = container.duration / av.time_base if container.duration else 0.0
        # A recorder may declare a second too much, and the last frame may stand as long as any before it.
        missing = declared - clock.last_s - clock.longest_gap_s
        if damage.errors or broke or missing > 1.0:
            why = f"the source ends at {clock.last_s:.1f} s"
            if missing > 1.0:
                why += f" of {declared:.1f} s"
            if broke:
                why += f" ({broke})"
            why += f", with {damage.errors} decode errors"
            if damage.errors:
                why += f", the first near {damage.first_s:.1f} s; frames that they spoiled were not graded"
            self._doubt("source_cut", why)

    def _spaced(self, decoded: Iterator[Decoded]) -> Iterator[Frame]:
        due_s, size, odd = 0.0, None, 0
        for time_s, picture, unbroken in decoded:
            if time_s < due_s - JITTER * self._every_s:
                continue
            due_s = time_s + self._every_s
            pixels = VideoPixels(picture)
            size = size or (pixels.width, pixels.height)
            if (pixels.width, pixels.height) != size:
                odd += 1
                self._doubt(
                    "size_changed",
                    f"the camera changed its picture from {size[0]} x {size[1]} to {pixels.width} x {pixels.height}; "
                    f"{odd} frames of another size were not graded",
                )
                continue
            yield Frame(pixels, time_s=time_s, camera=self._camera, unbroken=unbroken)

    def _doubt(self, code: str, why: str) -> None:
        self._doubts[code] = Doubt(code, why)


def source_name(source: str | Path) -> str:
    """What messages and reports call a source: a stream address without the password that it may hold, a file name in
    letters that can be written, whatever bytes it is of."""
    if isinstance(source, Path):
        name = str(source)
    else:
        parts = urlsplit(source)
        name = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
    return in_letters(name)


def in_letters(text: str) -> str:
    """A text that can be written: what stands in a file name for bytes that are no letters is spelt out."""
    return text.encode(errors="backslashreplace").decode()
