"""Frames of a video file or a live stream, read with PyAV: one frame held at a time, time that never runs backward."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream

from loadlens.grading.observation import Doubt
from loadlens.vision.frame import Frame
from loadlens.vision.image import MAX_PIXELS, Picture, SourceError, check_size, shrink

SCHEMES = ("rtsp", "rtsps", "http", "https")
# Closed lists, because other readers of the library follow what a file says: a playlist named .mp4 could make it
# open any address or file. `dhav` and `mpeg` are what the recorders of common yard cameras write.
_FILE_FORMATS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,asf,h264,hevc,mjpeg,dhav"
_URL_FORMATS = f"{_FILE_FORMATS},rtsp,mpjpeg,hls"
_URL_PROTOCOLS = "http,https,tcp,tls,rtsp,rtp,udp,crypto"
# The first plane of these is the grey picture itself, one byte a pixel.
_GREY_FIRST = {"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"}
# Most video keeps black at 16 and white at 235; pictures, and so every threshold, at 0 and 255.
_FULL_RANGE: Picture = np.clip(np.rint((np.arange(256) - 16) * (255 / 219)), 0, 255).astype(np.uint8)
# After an error pictures are smeared until the next one that is complete in itself; some cameras never send another
# such picture, but mend every part of it within this time.
_SMEARED_FOR_S = 10.0
# A camera set to the very rate that is asked for delivers a few milliseconds early or late.
_JITTER = 0.1


class VideoReader:
    """Iterates over the frames of a video at least `every_s` seconds apart; `doubts` says what was wrong with it."""

    def __init__(self, source: str | Path, *, camera: str, every_s: float, timeout_s: float) -> None:
        self._source = source
        self._name = source_name(source)
        self._camera = camera
        self._every_s = every_s
        self._timeout_s = timeout_s
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

    def _decoded(self, container: InputContainer, stream: VideoStream) -> Iterator[tuple[float, VideoFrame]]:
        """Every sound frame with its time; what went wrong becomes a doubt, nothing decoded a SourceError."""
        clock = _Clock(stream, container.format.name)
        damage = _Damage(stream)
        broke = ""
        packets = container.demux(stream)
        while True:
            packet = None
            try:
                packet = next(packets, None)
                if packet is None:
                    break
                if packet.is_corrupt:
                    damage.strike(clock.last_s, packet.pts)
                frames = packet.decode()
            except av.error.InvalidDataError:
                damage.strike(clock.last_s, packet.pts if packet else None)
                continue
            except (av.error.FFmpegError, OSError) as error:
                broke = getattr(error, "strerror", None) or type(error).__name__
                break
            for frame in frames:
                time_s = clock.tell(frame)
                if damage.spares(time_s, frame):
                    yield time_s, frame
        self._judge_end(container, clock, damage, broke)

    def _judge_end(self, container: InputContainer, clock: "_Clock", damage: "_Damage", broke: str) -> None:
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

    def _spaced(self, decoded: Iterator[tuple[float, VideoFrame]]) -> Iterator[Frame]:
        due_s, size, odd = 0.0, None, 0
        for time_s, picture in decoded:
            if time_s < due_s - _JITTER * self._every_s:
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
            yield Frame(pixels, time_s=time_s, camera=self._camera)

    def _doubt(self, code: str, why: str) -> None:
        self._doubts[code] = Doubt(code, why)


class _Clock:
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

    def tell(self, frame: VideoFrame) -> float:
        """The time of the next frame in decoding order."""
        raw = time.monotonic() if self._live else None if self._counted else frame.time
        if self._offset_s is None:
            self._offset_s = -(raw or 0.0)
            return 0.0
        now = self.last_s + self._usual_gap_s if raw is None else raw + self._offset_s
        if now < self.last_s:
            self.jumps += 1
            self._offset_s += self.last_s + self._usual_gap_s - now
            now = self.last_s + self._usual_gap_s
        self.longest_gap_s = max(self.longest_gap_s, now - self.last_s)
        self.last_s = now
        return now


class _Damage:
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


class VideoPixels:
    """The pixels of one decoded video picture, turned upright as the video's rotation says."""

    def __init__(self, picture: VideoFrame) -> None:
        self._picture = picture
        self._quarter_turns = round(picture.rotation / 90) % 4
        self._full_range = picture.color_range == ColorRange.JPEG or picture.format.name.startswith(("yuvj", "gray"))
        sides = (picture.width, picture.height)
        self.width, self.height = sides[::-1] if self._quarter_turns % 2 else sides

    def luma(self, width: int, height: int) -> Picture:
        """The grey picture, uint8 [height, width]."""
        if self._quarter_turns % 2:
            width, height = height, width
        small = shrink(self._grey(), width, height)
        if not self._full_range:
            small = _FULL_RANGE[small]
        return self._upright(small)

    def rgb(self, scale: int) -> Picture:
        """The picture at 1/scale, uint8 [H, W, 3], converted and scaled in one go."""
        scaled = self._picture.reformat(
            width=self._picture.width // scale, height=self._picture.height // scale, format="rgb24"
        )
        return self._upright(np.asarray(scaled.to_ndarray(), np.uint8))

    def digest(self) -> str:
        """SHA-256 of the decoded grey plane, hex."""
        return hashlib.sha256(np.ascontiguousarray(self._grey()).data).hexdigest()

    def _grey(self) -> Picture:
        picture = self._picture
        if picture.format.name not in _GREY_FIRST:
            picture = picture.reformat(format="gray")
        plane = picture.planes[0]
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
        return rows[: picture.height, : picture.width]

    def _upright(self, pixels: Picture) -> Picture:
        return np.ascontiguousarray(np.rot90(pixels, self._quarter_turns)) if self._quarter_turns else pixels


def source_name(source: str | Path) -> str:
    """What messages call a source: a stream address without the password that it may hold."""
    if isinstance(source, Path):
        return str(source)
    parts = urlsplit(source)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
