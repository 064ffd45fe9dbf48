"""One picture of a wagon or truck bed from above, with the class of every pixel: what scenes and clips are made of.

Labels are int16 indexes into `tuple(load_taxonomy())`, IGNORE where nothing may be judged.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.procedural import grain
from loadlens.datasets.textures import TextureBank
from loadlens.vision.taxonomy import load_taxonomy

Picture = NDArray[np.uint8]
Label = NDArray[np.int16]
Mask = NDArray[np.bool_]
INDEX = {class_id: index for index, class_id in enumerate(load_taxonomy())}
_GROUNDS = ((112, 106, 88), (120, 118, 114), (86, 80, 70), (140, 128, 104))
_WALLS = ((150, 96, 88), (112, 72, 56), (96, 96, 100), (70, 90, 110), (128, 60, 50))


@dataclass(frozen=True, slots=True)
class BedView:
    """Where the bed lies in a picture: its four inner and outer corners, float32 [4, 2] pixels, and what surrounds it.

    `picture` is the empty bed with walls and ground, `label` its classes, `inside` the load's area.
    """

    inner: NDArray[np.float32]
    picture: Picture
    label: Label
    inside: Mask


def empty_bed(rng: np.random.Generator, size: tuple[int, int]) -> BedView:
    """An empty bed seen from above, a little turned, on uint8 [*size, 3]."""
    height, width = size
    half = np.array([width * rng.uniform(0.36, 0.45), height * rng.uniform(0.28, 0.4)])
    centre = np.array([width, height]) * (0.5 + rng.uniform(-0.03, 0.03, 2))
    turn = np.deg2rad(rng.uniform(-2.0, 2.0))
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half + rng.uniform(-6, 6, (4, 2))
    inner = (corners @ rotation.T + centre).astype(np.float32)
    thick = 1 + rng.uniform(12, 26) / half
    outer = ((corners * thick) @ rotation.T + centre).astype(np.float32)
    picture = _tinted(rng, size, _GROUNDS[rng.integers(len(_GROUNDS))], 12)
    label = np.full(size, INDEX["ground"], np.int16)
    _fill(picture, label, outer, _tinted(rng, size, _WALLS[rng.integers(len(_WALLS))], 7), INDEX["bed_wall"])
    floor = _tinted(rng, size, ((104, 90, 70), (92, 66, 52), (110, 104, 98))[rng.integers(3)], 14)
    inside = _fill(picture, label, inner, floor, INDEX["bed_floor"])
    cv2.polylines(picture, [inner.astype(np.int32)], True, (40, 34, 32), 3, cv2.LINE_AA)
    return BedView(inner, picture, label, inside)


def _tinted(rng: np.random.Generator, size: tuple[int, int], colour: tuple[int, int, int], sigma: float) -> Picture:
    """A rough plain surface: fine grain and slow stains around one colour."""
    stains = smooth_noise(rng, size, 60)[..., None] * 14
    plain = np.clip(np.array(colour) + rng.normal(0, 10, 3) + stains, 0, 255).astype(np.uint8)
    return grain(rng, plain, sigma)


def _fill(picture: Picture, label: Label, corners: NDArray[np.float32], surface: Picture, index: int) -> Mask:
    area = np.zeros(label.shape, np.uint8)
    cv2.fillPoly(area, [corners.astype(np.int32)], 1)
    inside = area.astype(bool)
    picture[inside] = surface[inside]
    label[inside] = index
    return inside


def smooth_noise(rng: np.random.Generator, size: tuple[int, int], wavelength: float) -> NDArray[np.float32]:
    """Noise of about unit spread that changes over `wavelength` pixels, float32 [*size]."""
    small = (max(2, round(size[0] / wavelength) + 2), max(2, round(size[1] / wavelength) + 2))
    noise = rng.normal(0, 1, small).astype(np.float32)
    return np.asarray(cv2.resize(noise, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), np.float32)


def mixed_surface(
    rng: np.random.Generator, bank: TextureBank, shares: dict[str, float], size: tuple[int, int]
) -> tuple[Picture, Label]:
    """A surface of several forms in irregular regions; the shares are wishes, the label is the truth."""
    forms = list(shares)
    heights = np.stack([smooth_noise(rng, size, 170) + 1.6 * np.log(shares[form]) for form in forms])
    which = heights.argmax(axis=0)
    picture = np.empty((*size, 3), np.uint8)
    label = np.empty(size, np.int16)
    for position, form in enumerate(forms):
        area = which == position
        if area.any():
            picture[area] = bank.form(rng, form, size)[area]
            label[area] = INDEX[form]
    return picture, label


@dataclass(frozen=True, slots=True)
class Ground:
    """What pieces are laid on: a picture, its label, and where pieces may lie. Picture and label are drawn into."""

    picture: Picture
    label: Label
    inside: Mask


def scatter(
    rng: np.random.Generator, ground: Ground, pieces: Sequence[tuple[str, Picture]]
) -> list[tuple[int, int, int, int]]:
    """Lay cut-out pieces on a surface, turned and shaded like it; returns their boxes x, y, w, h."""
    spots = np.argwhere(ground.inside)
    boxes = []
    for class_id, piece in pieces:
        y, x = spots[rng.integers(len(spots))]
        boxes.append(_lay(rng, ground, class_id, piece, (int(x), int(y))))
    return boxes


def _lay(
    rng: np.random.Generator, ground: Ground, class_id: str, piece: Picture, at: tuple[int, int]
) -> tuple[int, int, int, int]:
    turned = turn_piece(piece, rng.uniform(0, 360))
    height, width = turned.shape[:2]
    left, top = at[0] - width // 2, at[1] - height // 2
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(ground.label.shape[1], left + width), min(ground.label.shape[0], top + height)
    part = turned[y0 - top : y1 - top, x0 - left : x1 - left]
    target, where = ground.picture[y0:y1, x0:x1], ground.inside[y0:y1, x0:x1]
    alpha = (part[..., 3:] / 255.0) * where[..., None]
    # The piece takes the light of what it lies on, and part of it may be covered by scrap.
    gain = np.clip((target.mean() + 60) / 170, 0.5, 1.25) * rng.uniform(0.8, 1.1)
    if rng.random() < 0.4 and min(part.shape[:2]) > 24:
        alpha = alpha * (smooth_noise(rng, part.shape[:2], 18) < 0.8)[..., None]
    target[:] = np.clip(target * (1 - alpha) + part[..., :3] * gain * alpha, 0, 255).astype(np.uint8)
    ground.label[y0:y1, x0:x1][alpha[..., 0] > 0.5] = INDEX[class_id]
    return x0, y0, x1 - x0, y1 - y0


def turn_piece(piece: Picture, degrees: float) -> Picture:
    """A cut-out RGBA piece turned about its middle, on a canvas that holds it."""
    height, width = piece.shape[:2]
    radius = int(np.ceil(np.hypot(height, width)))
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    matrix[:, 2] += (radius / 2 - width / 2, radius / 2 - height / 2)
    return np.asarray(cv2.warpAffine(piece, matrix, (radius, radius), flags=cv2.INTER_LINEAR), np.uint8)


def draw_magnet(rng: np.random.Generator, length: int) -> Picture:
    """A lifting magnet from above with chains and scrap hanging under its rim, RGBA uint8."""
    across = int(length * rng.uniform(0.55, 1.0))
    margin = 14
    picture = np.zeros((across + 2 * margin, length + 2 * margin, 3), np.uint8)
    mask = np.zeros(picture.shape[:2], np.uint8)
    paints = ((206, 170, 46), (186, 150, 40), (70, 70, 74), (120, 60, 46), (60, 90, 60))
    paint = np.clip(np.array(paints[rng.choice(5, p=(0.35, 0.2, 0.25, 0.1, 0.1))]) + rng.normal(0, 12, 3), 0, 255)
    colour = tuple(int(value) for value in paint)
    dark = tuple(int(value * 0.45) for value in paint)
    cut = int(across * rng.uniform(0.15, 0.3))
    low, right, bottom = margin, margin + length, margin + across
    rim = np.array([[low + cut, low], [right - cut, low], [right, low + cut], [right, bottom - cut],
                    [right - cut, bottom], [low + cut, bottom], [low, bottom - cut], [low, low + cut]])  # fmt: skip
    for _ in range(int(rng.integers(0, 160))):
        corner = rim[rng.integers(8)]
        at = corner + (rim[(rng.integers(8))] - corner) * rng.random()
        end = at + rng.normal(0, 12, 2)
        shade = int(rng.integers(40, 170))
        for drawn, ink in ((picture, (shade, shade, shade)), (mask, 255)):
            cv2.line(drawn, at.astype(int).tolist(), end.astype(int).tolist(), ink, 2)
    cv2.fillPoly(picture, [rim], colour)
    cv2.fillPoly(mask, [rim], 255)
    cv2.polylines(picture, [rim], True, dark, 5, cv2.LINE_AA)
    for x in range(low + cut, right - cut, max(8, length // 14)):
        for y in (low + across // 8, bottom - across // 5):
            cv2.rectangle(picture, (x, y), (x + length // 30 + 2, y + across // 10), dark, -1)
    middle = (margin + length // 2, margin + across // 2)
    cv2.rectangle(picture, (middle[0] - length // 8, middle[1] - 8), (middle[0] + length // 8, middle[1] + 8), dark, -1)
    for _ in range(4):
        far = (int(rng.uniform(low + cut, right - cut)), int(rng.uniform(low + cut, bottom - cut)))
        cv2.line(picture, middle, far, (96, 90, 92), 5)
    dirt = smooth_noise(rng, picture.shape[:2], 30)[..., None] * 20
    return np.dstack([grain(rng, np.clip(picture + dirt, 0, 255).astype(np.uint8), 8), mask])


def draw_grab(rng: np.random.Generator, length: int) -> Picture:
    """An orange-peel grab from above: petals around a hub, RGBA uint8."""
    side = length
    picture, mask = np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
    paint = np.clip(
        np.array(((196, 120, 30), (90, 92, 96), (60, 74, 60))[rng.integers(3)]) + rng.normal(0, 10, 3), 0, 255
    )
    colour = tuple(int(value) for value in paint)
    petals, start = int(rng.integers(4, 7)), rng.uniform(0, 360)
    for petal in range(petals):
        angle = start + petal * 360 / petals
        for drawn, ink in ((picture, colour), (mask, 255)):
            centre = (
                int(side / 2 + np.cos(np.deg2rad(angle)) * side * 0.27),
                int(side / 2 + np.sin(np.deg2rad(angle)) * side * 0.27),
            )
            cv2.ellipse(drawn, centre, (int(side * 0.23), int(side * 0.11)), angle, 0, 360, ink, -1)
    for drawn, ink in ((picture, tuple(int(value * 0.6) for value in paint)), (mask, 255)):
        cv2.circle(drawn, (side // 2, side // 2), side // 7, ink, -1)
    return np.dstack([grain(rng, picture, 9), mask])


def paste(picture: Picture, label: Label | None, piece: Picture, at: tuple[int, int], class_id: str) -> None:
    """Put an opaque RGBA piece over a picture with its middle at (x, y); a soft shadow falls beside it."""
    height, width = piece.shape[:2]
    left, top = at[0] - width // 2, at[1] - height // 2
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(picture.shape[1], left + width), min(picture.shape[0], top + height)
    if x0 >= x1 or y0 >= y1:
        return
    shadow = picture[min(y0 + 14, y1) : y1, min(x0 + 14, x1) : x1]
    cast = piece[y0 - top : y1 - top, x0 - left : x1 - left, 3][: shadow.shape[0], : shadow.shape[1], None] / 255.0
    shadow[:] = (shadow * (1 - 0.45 * cast)).astype(np.uint8)
    part = piece[y0 - top : y1 - top, x0 - left : x1 - left]
    alpha = part[..., 3:] / 255.0
    picture[y0:y1, x0:x1] = (picture[y0:y1, x0:x1] * (1 - alpha) + part[..., :3] * alpha).astype(np.uint8)
    if label is not None:
        label[y0:y1, x0:x1][alpha[..., 0] > 0.5] = INDEX[class_id]


def draw_person(rng: np.random.Generator) -> Picture:
    """A worker from above in a bright vest: shoulders, helmet, a hint of arms; RGBA uint8."""
    side = int(rng.integers(26, 46))
    picture, mask = np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8)
    vest = ((255, 120, 20), (200, 230, 30), (40, 60, 130))[rng.integers(3)]
    helmet = ((240, 240, 240), (230, 200, 40), (200, 40, 40), (40, 80, 180))[rng.integers(4)]
    middle = (side // 2, side // 2)
    for drawn, ink in ((picture, vest), (mask, 255)):
        cv2.ellipse(drawn, middle, (side // 2 - 1, side // 4), 0, 0, 360, ink, -1)
        cv2.circle(drawn, (side // 2, side // 3), side // 6, ink if drawn is mask else helmet, -1)
    cv2.line(picture, (side // 4, side // 3), (side // 4, 2 * side // 3), (235, 235, 235), 2)
    return np.dstack([grain(rng, picture, 8), mask])


def camera_look(rng: np.random.Generator, picture: Picture) -> Picture:
    """The picture as a yard's camera would give it: shade, sunlight, dirt, colour cast, blur, noise, JPEG."""
    size = picture.shape[:2]
    light = 1 + 0.16 * smooth_noise(rng, size, max(size) / 2)
    if rng.random() < 0.35:
        edge = smooth_noise(rng, size, max(size) / 3) > 0.4
        light = light * np.where(edge, rng.uniform(0.5, 0.8), 1.0)
    cast = np.exp(rng.normal(0, 0.06, 3)) * rng.uniform(0.6, 1.25)
    if rng.random() < 0.05:
        cast = cast * (1.25, 0.75, 1.05)  # the magenta fault of one real crane camera
    seen = 255 * (np.clip(picture / 255.0 * light[..., None] * cast, 0, 1) ** rng.uniform(0.8, 1.25))
    if rng.random() < 0.4:
        seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), rng.uniform(0.4, 1.6)), np.float64)
    seen = seen + rng.normal(0, rng.uniform(1, 8), (*size, 1))
    seen_8bit = np.clip(seen, 0, 255).astype(np.uint8)
    done, jpeg = cv2.imencode(".jpg", seen_8bit[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 92))])
    if not done:
        raise RuntimeError("OpenCV could not encode a rendered picture as JPEG")
    return np.asarray(cv2.imdecode(jpeg, cv2.IMREAD_COLOR), np.uint8)[..., ::-1]


def draw_shares(rng: np.random.Generator, forms: Sequence[str], most: int = 3) -> dict[str, float]:
    """A few forms with random shares; one form alone in a third of the cases."""
    count = 1 if rng.random() < 0.33 else int(rng.integers(2, most + 1))
    chosen = rng.choice(len(forms), size=min(count, len(forms)), replace=False)
    shares = rng.dirichlet(np.full(len(chosen), 1.2)) + 0.05
    return {forms[index]: float(share) for index, share in zip(chosen, shares / shares.sum(), strict=True)}


def render_scene(
    rng: np.random.Generator, bank: TextureBank, size: tuple[int, int] = (544, 960)
) -> tuple[Picture, Label]:
    """One labelled training picture: rgb uint8 [*size, 3] and label int16 [*size]."""
    view = empty_bed(rng, size)
    picture, label = view.picture.copy(), view.label.copy()
    surface, surface_label = mixed_surface(rng, bank, draw_shares(rng, bank.forms), size)
    covered = view.inside & (smooth_noise(rng, size, 140) > -1.9 + 1.6 * (rng.random() < 0.25))
    picture[covered], label[covered] = surface[covered], surface_label[covered]
    pieces = [
        (str(name), bank.contaminant(rng, str(name)))
        for name in rng.choice(bank.contaminants, size=int(rng.integers(0, 22)))
    ]
    if rng.random() < 0.45:
        pieces += [
            (str(name), bank.hazard(rng, str(name))) for name in rng.choice(bank.hazards, int(rng.integers(1, 3)))
        ]
    scatter(rng, Ground(picture, label, view.inside), pieces)
    if rng.random() < 0.4:
        draw, name = (draw_magnet, "magnet") if rng.random() < 0.75 else (draw_grab, "grab")
        at = (int(rng.uniform(0, size[1])), int(rng.uniform(0, size[0])))
        tool = turn_piece(draw(rng, int(size[1] * rng.uniform(0.15, 0.36))), rng.normal(0, 14))
        paste(picture, label, tool, at, name)
    if rng.random() < 0.2:
        at = (int(rng.uniform(0, size[1])), int(rng.uniform(0, size[0])))
        paste(picture, label, turn_piece(draw_person(rng), rng.uniform(0, 360)), at, "person")
    return camera_look(rng, picture), label
