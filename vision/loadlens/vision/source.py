"""Where frames come from: a video file, a folder of pictures or a stream, all read the same way."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Protocol

from loadlens.grading.observation import Doubt
from loadlens.vision.frame import Frame
from loadlens.vision.image import SourceError, read_bytes
from loadlens.vision.video import SCHEMES, VideoReader, source_name

# What a folder's pictures are called. The last ones are refused when read, and so counted rather than overlooked.
_PICTURES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".gif", ".heic", ".avif"}
_TIMESTAMP = re.compile(r"\d{4}-\d{2}-\d{2}_\d{2}-\d{2}-\d{2}")


class FrameReader(Protocol):
    """Frames in the order of their times, and once they have been read, what was wrong with their source."""

    def __iter__(self) -> Iterator[Frame]: ...

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """One doubt for each thing that was wrong; complete after the last frame."""


def read_frames(
    source: str | Path,
    *,
    camera: str = "",
    every_s: float = 0.2,
    timeout_s: float = 10.0,
    skip_still: bool = False,
    ended: Callable[[], bool] = lambda: False,
) -> FrameReader:
    """Read a video file, a folder of pictures, or an rtsp, http or https stream.

    Of a video only frames at least `every_s` seconds apart are given; the pictures of a folder are taken to lie
    `every_s` seconds apart, unless every name holds a time such as 2021-03-16_06-39-24. A stream may take
    `timeout_s` seconds to answer, and as long between two frames. With `skip_still` a video is decoded only as far as
    something changes, see `groups`: frames lie up to 2.5 s apart where nothing does, and those of a change come up to
    2.5 s late. A stream, which may have no end, is read until `ended` says so. Raises SourceError here or while reading
    where the source is missing or nothing in it can be read.
    """
    if isinstance(source, str) and "://" in source:
        if source.split("://", 1)[0].lower() not in SCHEMES:
            raise SourceError(f"{source_name(source)}: not a stream that is read; give {', '.join(SCHEMES)} or a path")
        return VideoReader(
            source, camera=camera, every_s=every_s, timeout_s=timeout_s, skip_still=skip_still, ended=ended
        )
    path = Path(source)
    if path.is_dir():
        return FolderReader(path, camera=camera, every_s=every_s)
    if not path.is_file():
        raise SourceError(f"{path}: no such file or folder; check the path")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty; copy or record it again")
    return VideoReader(path, camera=camera, every_s=every_s, timeout_s=timeout_s, skip_still=skip_still)


class FolderReader:
    """Iterates over the pictures of a folder in natural order; pictures that are refused become one doubt."""

    def __init__(self, folder: Path, *, camera: str, every_s: float) -> None:
        self._folder = folder
        self._camera = camera
        self._every_s = every_s
        self._doubts: tuple[Doubt, ...] = ()

    @property
    def doubts(self) -> tuple[Doubt, ...]:
        """What was wrong with the folder, known once it has been read to its end."""
        return self._doubts

    def __iter__(self) -> Iterator[Frame]:
        pictures = _timed_pictures(self._folder, self._every_s)
        self._doubts = _doubt_of_times([path for _, path in pictures], self._every_s)
        refused: list[SourceError] = []
        size: tuple[int, int] | None = None
        for time_s, path in pictures:
            try:
                frame = Frame.from_bytes(read_bytes(path), name=source_name(path), time_s=time_s, camera=self._camera)
                size = size or (frame.width, frame.height)
                _refuse_other_size(frame, size, path)
            except SourceError as error:
                refused.append(error)
            else:
                yield frame
        if size is None:
            raise SourceError(f"{self._folder}: none of its {len(pictures)} pictures can be read; first {refused[0]}")
        if refused:
            why = f"{refused[0]} ({len(refused)} of {len(pictures)} pictures)"
            self._doubts = (*self._doubts, Doubt("frame_refused", why))


def _refuse_other_size(frame: Frame, size: tuple[int, int], path: Path) -> None:
    if (frame.width, frame.height) != size:
        raise SourceError(
            f"{source_name(path)}: {frame.width} x {frame.height} pixels, the first picture has {size[0]} x {size[1]}; "
            "give one camera's pictures of one size"
        )


def _timed_pictures(folder: Path, every_s: float) -> list[tuple[float, Path]]:
    """Every picture of the folder in order, with its time in seconds from the first."""
    try:
        names = [path for path in folder.iterdir() if path.suffix.lower() in _PICTURES and path.is_file()]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be read ({error.strerror}); check its permissions") from error
    pictures = sorted((path for path in names if not path.name.startswith(".")), key=_natural)
    if not pictures:
        raise SourceError(f"{folder}: holds no picture; give a folder of JPEG or PNG pictures, or a video file")
    stamps = [_timestamp(path) for path in pictures]
    known = [stamp for stamp in stamps if stamp is not None]
    if len(known) < len(pictures):
        return [(position * every_s, path) for position, path in enumerate(pictures)]
    first = min(known)
    timed = [((stamp - first).total_seconds(), path) for stamp, path in zip(known, pictures, strict=True)]
    return sorted(timed, key=lambda item: item[0])


def _doubt_of_times(pictures: list[Path], every_s: float) -> tuple[Doubt, ...]:
    """Where some names hold a time and others none, it is not known when any picture was taken."""
    without = [path for path in pictures if _timestamp(path) is None]
    if len(without) in (0, len(pictures)):
        return ()
    why = f"{len(without)} of {len(pictures)} names hold no time ({source_name(Path(without[0].name))}), so all"
    return (Doubt("times_assumed", f"{why} pictures are taken to lie {every_s:g} s apart; rename or remove them"),)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Sorts frame2 before frame10."""
    parts = re.findall(r"\d+|\D+", path.name.lower())
    return [(int(part), "") if part.isdecimal() and part.isascii() else (-1, part) for part in parts]


def _timestamp(path: Path) -> datetime | None:
    found = _TIMESTAMP.search(path.name)
    if found is None:
        return None
    try:
        return datetime.strptime(found[0], "%Y-%m-%d_%H-%M-%S")
    except ValueError:
        return None
