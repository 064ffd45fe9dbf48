"""Things cut out of photos with a plain background, and pasted on others: then the background tells nothing.

Public photos of waste come one class from one studio, so a network can name the wall behind the thing. Photos of every
class are therefore also shown on the same varied backgrounds.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
Mask = NDArray[np.float32]

_SIDE = 256
_LEAST, _MOST = 0.03, 0.85
# Of the border of a plain background, so much may be covered by the thing itself.
_COVERED = 0.35


def cut_out(rgb: Picture) -> Mask | None:
    """How far each pixel belongs to the thing, float32 [H, W] in 0..1; None where the background is not plain.

    The background is a smooth surface of colour through the border of the picture; what differs from it by more than
    its own unevenness, refined by GrabCut (Rother, Kolmogorov and Blake 2004), is the thing.
    """
    scale = _SIDE / max(rgb.shape[:2])
    small = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    lab = np.asarray(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_RGB2LAB), np.float32)
    away, spread, covered = _from_background(lab)
    if covered > _COVERED or spread > 9:
        return None
    sure = np.asarray(cv2.morphologyEx((away > max(12.0, 4 * spread)).astype(np.uint8), cv2.MORPH_OPEN, _disc(3)))
    sure = _largest(np.asarray(cv2.morphologyEx(sure, cv2.MORPH_CLOSE, _disc(9))))
    if not _LEAST <= sure.mean() <= _MOST:
        return None
    marked = np.where(sure > 0, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marked[(away < max(4.0, 1.5 * spread)) & (sure == 0)] = cv2.GC_BGD
    marked[np.asarray(cv2.erode(sure, _disc(9))) > 0] = cv2.GC_FGD
    if not (marked == cv2.GC_FGD).any() or not (marked == cv2.GC_BGD).any():
        return None
    cv2.grabCut(small, marked, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_MASK)
    found = _filled(_largest(np.isin(marked, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)))
    if not _LEAST <= found.mean() <= _MOST:
        return None
    whole = cv2.resize(found.astype(np.float32), (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), 1.0), np.float32)


def paste(rng: np.random.Generator, thing: Picture, mask: Mask, background: Picture, size: int) -> Picture:
    """A picture [size, size, 3] of the thing somewhere on a crop of the background, turned and scaled at random.

    The longer side of the thing takes between 0.45 and 1.15 of the picture's side: then it is cut off.
    """
    rows, columns = np.flatnonzero(mask.max(axis=1) > 0.5), np.flatnonzero(mask.max(axis=0) > 0.5)
    cut = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    thing, mask = thing[cut], mask[cut]
    canvas = _crop(rng, background, size)
    scale = size * rng.uniform(0.45, 1.15) / max(mask.shape)
    middle = np.array(mask.shape[::-1]) / 2
    turn = np.array(cv2.getRotationMatrix2D(middle.tolist(), float(rng.uniform(-180, 180)), scale), np.float64)
    turn[:, 2] += size / 2 - middle + rng.uniform(-0.15, 0.15, 2) * size
    laid = cv2.warpAffine(thing, turn, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    share_of = cv2.warpAffine(mask, turn, (size, size), flags=cv2.INTER_LINEAR)[..., None]
    return np.asarray(laid * share_of + canvas * (1 - share_of), np.uint8)


def _from_background(lab: Mask) -> tuple[Mask, float, float]:
    """Distance of every pixel from the background's surface, the surface's unevenness, and the covered border share."""
    height, width = lab.shape[:2]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / height - 0.5, x / width - 0.5
    terms = np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=-1)
    rim = max(3, min(height, width) // 20)
    border = np.ones((height, width), np.bool_)
    border[rim:-rim, rim:-rim] = False
    kept = border & (np.abs(lab - np.median(lab[border], axis=0)).sum(axis=-1) < 40)
    for _ in range(3):
        if kept.sum() < 50:
            return np.zeros((height, width), np.float32), 99.0, 1.0
        fitted, *_rest = np.linalg.lstsq(terms[kept], lab[kept], rcond=None)
        # Shadows change the lightness alone, so it counts for less.
        away = np.asarray(np.linalg.norm((lab - terms @ fitted) * np.array([0.6, 1.3, 1.3], np.float32), axis=-1))
        spread = float(np.median(away[kept])) * 1.5
        kept = np.logical_and(border, away < max(6.0, 4 * spread))
    return away.astype(np.float32), spread, 1 - float(kept[border].mean())


def _largest(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The largest piece, and every other at least a tenth as large."""
    number, labels, stats, _ = cv2.connectedComponentsWithStats(mask)
    if number < 2:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    return np.isin(labels, 1 + np.flatnonzero(areas >= areas.max() / 10)).astype(np.uint8)


def _filled(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return np.asarray(cv2.drawContours(np.zeros_like(mask), contours, -1, 1, cv2.FILLED), np.uint8)


def _disc(size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def _crop(rng: np.random.Generator, background: Picture, size: int) -> Picture:
    side = int(min(background.shape[:2]) * rng.uniform(0.5, 1.0))
    top, left = (int(rng.integers(length - side + 1)) for length in background.shape[:2])
    part = background[top : top + side, left : left + side]
    return np.asarray(cv2.resize(part, (size, size), interpolation=cv2.INTER_AREA), np.uint8)
