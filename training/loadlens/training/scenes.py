"""Rendered, labelled scenes on disk: drawn once, read many times.

A scene is a JPEG with its label as PNG (uint8 indexes into the taxonomy, NOT_JUDGED where nothing was judged). Drawing
takes as long as a training step, so every scene is kept and shown in many crops.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from functools import cache, lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.crane import IGNORE
from loadlens.datasets.groups import Part
from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.scene import render_scene
from loadlens.datasets.textures import PhotoTextures, TextureBank

NOT_JUDGED = 255
SIZE = (544, 960)
# Parts never share a seed, so no two scenes are alike.
_FIRST_SEED: dict[Part, int] = {"train": 0, "calibration": 10_000_000, "test": 20_000_000}


def render_scenes(folder: Path, part: Part, count: int, photos: Path | None, drawn_share: float) -> list[Path]:
    """Draw the scenes of one part that are not there yet; returns the pictures of all `count`.

    `drawn_share` (0..1) of them use procedural textures, the others photos of that part; all without `photos`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pictures = [folder / f"{part}-{number:05d}.jpg" for number in range(count)]
    missing = [number for number, picture in enumerate(pictures) if not picture.exists()]
    if not missing:
        return pictures
    draw = partial(_draw, part=part, photos=photos, drawn_share=drawn_share, folder=folder)
    # Never forked: a copy of a process in which PyTorch's threads run may wait for one of them for ever.
    with ProcessPoolExecutor(max_workers=os.cpu_count(), mp_context=get_context("spawn")) as pool:
        for _ in pool.map(draw, missing, chunksize=4):
            pass
    return pictures


# Decoded, a scene takes 2.6 MB; reading one anew takes as long as cutting it.
@lru_cache(maxsize=800)
def read_scene(picture: Path) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """A scene as rgb uint8 [H, W, 3] and label int16 [H, W] (IGNORE where nothing was judged)."""
    bgr = cv2.imread(str(picture), cv2.IMREAD_COLOR)
    stored = cv2.imread(str(picture.with_suffix(".png")), cv2.IMREAD_GRAYSCALE)
    if bgr is None or stored is None:
        raise FileNotFoundError(f"{picture}: the scene or its label is gone; delete the folder and train again")
    label = stored.astype(np.int16)
    label[stored == NOT_JUDGED] = IGNORE
    return np.asarray(bgr[..., ::-1], np.uint8), label


def _draw(number: int, part: Part, photos: Path | None, drawn_share: float, folder: Path) -> None:
    cv2.setNumThreads(1)
    rng = np.random.default_rng(_FIRST_SEED[part] + number)
    drawn = photos is None or rng.random() < drawn_share
    rgb, label = render_scene(rng, _bank(None if drawn else photos, part), SIZE)
    stored = np.where(label == IGNORE, NOT_JUDGED, label).astype(np.uint8)
    picture = folder / f"{part}-{number:05d}.jpg"
    cv2.imwrite(str(picture.with_suffix(".png")), stored)
    # The picture comes last: a scene that has one is complete.
    cv2.imwrite(str(picture), rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


@cache
def _bank(photos: Path | None, part: Part) -> TextureBank:
    return ProceduralTextures() if photos is None else PhotoTextures(photos, part)
