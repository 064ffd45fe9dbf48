"""The unloading renderer: clips of a bed being emptied, harder than a real camera's, with known truth."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.scene import draw_person, paste, smooth_noise, turn_piece
from loadlens.datasets.textures import TextureBank
from loadlens.datasets.unloading import (
    SIZE,
    LayerTruth,
    Mask,
    Plan,
    Truth,
    composed,
    open_layers,
    plan_unloading,
    tool_position,
    truth_json,
)

Picture = NDArray[np.uint8]
Label = NDArray[np.int16]

__all__ = ["Clip", "ClipSpec", "Truth", "render_clip", "truth_json", "write_clip"]


@dataclass(frozen=True, slots=True)
class ClipSpec:
    """What to render: `size` is height, width in pixels; `hazard` None leaves it to chance (three clips of ten)."""

    seed: int
    size: tuple[int, int] = SIZE
    fps: int = 5
    seconds: float = 40.0
    hazard: bool | None = None


@dataclass(frozen=True, slots=True)
class Camera:
    """How one camera sees: light drifts and flickers, the mast shakes, it rains, the picture is compressed."""

    light: NDArray[np.float32]
    cast: NDArray[np.float64]
    gamma: float
    drift: float
    period_s: float
    shake_px: float
    rain: int
    noise: NDArray[np.int16]
    quality: int


@dataclass(frozen=True, slots=True)
class Clip:
    """A rendered unloading: its truth, and its frames on demand (the same every time)."""

    spec: ClipSpec
    truth: Truth
    _plan: Plan
    _camera: Camera

    @property
    def bed(self) -> tuple[int, int, int, int]:
        """The box round the bed, x, y, w, h in pixels of the clip."""
        scale = self.spec.size[1] / SIZE[1]
        x, y, w, h = (round(value * scale) for value in self.truth.bed)
        return x, y, w, h

    def frames(self) -> Iterator[tuple[float, Picture]]:
        """(seconds from the start, rgb uint8 [H, W, 3]) of every frame; a camera restart leaves a gap."""
        rng = np.random.default_rng([self.spec.seed, 7])
        plan = self._plan
        depth = np.zeros(SIZE, np.int16)
        number, lit = 0, self._lit(depth)
        person = turn_piece(draw_person(rng), rng.uniform(0, 360)) if rng.random() < 0.3 else None
        for act in plan.acts:
            taken = False
            while (time_s := number / self.spec.fps) < act.end_s:
                number += 1
                if act.takes is not None and not taken and time_s >= (act.start_s + act.end_s) / 2:
                    depth[act.takes & (depth < len(plan.labels))] += 1
                    lit, taken = self._lit(depth), True
                picture = lit.copy()
                if (at := tool_position(act, time_s)) is not None:
                    wobble = rng.normal(0, 1.5, 2)
                    paste(picture, None, plan.tool, (int(at[0] + wobble[0]), int(at[1] + wobble[1])), plan.tool_class)
                if person is not None:
                    across = (int(time_s * 23) % (SIZE[1] + 100) - 50, 26)
                    paste(picture, None, person, across, "person")
                if not any(start <= time_s < end for start, end in plan.dark_s):
                    yield time_s, self._seen(rng, picture, time_s)
            if act.takes is not None and not taken:
                depth[act.takes & (depth < len(plan.labels))] += 1
                lit = self._lit(depth)

    def stills(self) -> Iterator[tuple[Picture, Label]]:
        """One frame of every rest with its label, int16 [H, W] of indexes into the taxonomy: what a grader looks at."""
        rng = np.random.default_rng([self.spec.seed, 11])
        plan, depth = self._plan, np.zeros(SIZE, np.int16)
        for act in plan.acts:
            if act.takes is not None:
                depth[act.takes & (depth < len(plan.labels))] += 1
            if act.kind == "rest":
                time_s = float(rng.uniform(act.start_s, act.end_s))
                picture, (_, label) = self._lit(depth), composed(plan, depth)
                if (at := tool_position(act, time_s)) is not None:
                    paste(picture, label, plan.tool, at, plan.tool_class)
                yield (
                    self._seen(rng, picture, time_s),
                    cv2.resize(label, self.spec.size[::-1], interpolation=cv2.INTER_NEAREST).astype(np.int16),
                )

    def layers(self) -> Iterator[tuple[LayerTruth, Picture, Mask]]:
        """Every true layer with one frame of its rest and what the layer newly shows, bool [H, W] of SIZE."""
        rng = np.random.default_rng([self.spec.seed, 13])
        for truth, shown in zip(self.truth.layers, open_layers(self._plan), strict=True):
            time_s = float(rng.uniform(shown.rest.start_s, shown.rest.end_s))
            picture = self._under_light(shown.picture)
            if (at := tool_position(shown.rest, time_s)) is not None:
                paste(picture, None, self._plan.tool, at, self._plan.tool_class)
            yield truth, self._seen(rng, picture, time_s), shown.new

    @property
    def inside(self) -> Mask:
        """Where the bed is, bool [H, W] of SIZE."""
        return self._plan.view.inside

    def _lit(self, depth: NDArray[np.int16]) -> Picture:
        return self._under_light(composed(self._plan, depth)[0])

    def _under_light(self, picture: Picture) -> Picture:
        return np.asarray(np.clip(picture * self._camera.light[..., None], 0, 255), np.uint8)

    def _seen(self, rng: np.random.Generator, picture: Picture, time_s: float) -> Picture:
        """One frame as the camera gives it."""
        camera = self._camera
        for _ in range(camera.rain):
            x, y = int(rng.integers(SIZE[1])), int(rng.integers(SIZE[0]))
            cv2.line(picture, (x, y), (x + 2, y + 14), (205, 205, 210), 1)
        gain = camera.cast * (1 + camera.drift * np.sin(2 * np.pi * time_s / camera.period_s) + rng.normal(0, 0.006))
        table = np.clip(255 * ((np.arange(256)[:, None] / 255) ** camera.gamma) * gain, 0, 255).astype(np.uint8)
        seen = cv2.LUT(picture, table[None])
        shift = rng.normal(0, camera.shake_px, 2)
        matrix = np.array([[1, 0, shift[0]], [0, 1, shift[1]]])
        seen = cv2.warpAffine(seen, matrix, (SIZE[1], SIZE[0]), borderMode=cv2.BORDER_REPLICATE)
        if self.spec.size != SIZE:
            seen = cv2.resize(seen, self.spec.size[::-1], interpolation=cv2.INTER_LINEAR)
        offset = int(rng.integers(64))
        noise = camera.noise[offset : offset + seen.shape[0], : seen.shape[1]]
        noisy = np.clip(seen.astype(np.int16) + noise[..., None], 0, 255).astype(np.uint8)
        done, jpeg = cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, camera.quality])
        if not done:
            raise RuntimeError("OpenCV could not encode a rendered frame as JPEG")
        return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)


def render_clip(spec: ClipSpec, bank: TextureBank) -> Clip:
    """Plan an unloading; its frames are drawn when they are asked for. Raises ValueError for an impossible spec."""
    if spec.fps < 1 or spec.seconds < 6 or min(spec.size) < 96:
        raise ValueError(f"{spec}: a clip needs at least 1 frame a second, 6 seconds and 96 pixels a side")
    rng = np.random.default_rng(spec.seed)
    plan = plan_unloading(rng, bank, spec.seconds, spec.hazard)
    return Clip(spec, plan.truth, plan, _camera(rng, spec.size))


def _camera(rng: np.random.Generator, size: tuple[int, int]) -> Camera:
    return Camera(
        light=1 + 0.12 * smooth_noise(rng, SIZE, 400),
        cast=np.exp(rng.normal(0, 0.05, 3)) * rng.uniform(0.75, 1.1),
        gamma=float(rng.uniform(0.85, 1.2)),
        drift=float(rng.uniform(0.0, 0.12)),
        period_s=float(rng.uniform(15, 60)),
        shake_px=float(rng.choice((0.0, 0.5, 1.2))),
        rain=int(rng.choice((0, 0, 0, 25, 60))),
        noise=rng.normal(0, rng.uniform(1.5, 5), (size[0] + 64, size[1])).astype(np.int16),
        quality=int(rng.integers(45, 85)),
    )


def write_clip(clip: Clip, path: Path, *, crf: int = 27) -> None:
    """Write a clip as H.264 in MP4. Raises OSError where the file cannot be written; no half file stays behind."""
    unfinished = path.with_suffix(".part.mp4")
    height, width = clip.spec.size
    try:
        with av.open(str(unfinished), "w") as target:
            stream = target.add_stream("libx264", rate=clip.spec.fps, options={"crf": str(crf), "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            for time_s, rgb in clip.frames():
                frame = av.VideoFrame.from_ndarray(rgb, format="rgb24")
                frame.pts = round(time_s * clip.spec.fps)
                target.mux(stream.encode(frame))
            target.mux(stream.encode(None))
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
