"""What people corrected in regions of layers, as pictures with outlines that `loadlens data import coco` reads.

Of each load the newest correction counts. Every outline says where it comes from: the load, who drew it and when, the
model that had looked, and what that had seen there.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobMissingError
from loadlens.serving.store.tables import Assessment, Review
from loadlens.vision.frame import Frame
from loadlens.vision.layer_map import Region, painted

_SUFFIXES = {b"\xff\xd8": "jpg", b"\x89P": "png", b"BM": "bmp", b"RI": "webp"}


def export_corrections(session: Session, blobs: Blobs, out: Path) -> tuple[int, int]:
    """Write pictures and coco.json into `out`, an empty folder; returns how many pictures and how many regions.

    Frames that the policy of the site has let go are left out. coco.json is written last.
    """
    images: dict[str, dict[str, Any]] = {}
    categories: dict[str, int] = {}
    annotations: list[dict[str, Any]] = []
    for review, layer in corrected_layers(session):
        image = images.get(layer["key_frame_sha256"]) or _picture(
            blobs, layer["key_frame_sha256"], out, len(images) + 1
        )
        if image is None:
            continue
        images[layer["key_frame_sha256"]] = image
        said = _said(session, review, layer)
        for region, outlines in zip(layer["regions"], _outlines(layer["regions"], image), strict=True):
            if not outlines:
                continue
            category = categories.setdefault(region["class"], len(categories) + 1)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image["id"],
                    "category_id": category,
                    "segmentation": [outline.ravel().tolist() for outline in outlines],
                    "bbox": [int(side) for side in cv2.boundingRect(np.concatenate(outlines))],
                    "area": float(sum(cv2.contourArea(outline) for outline in outlines)),
                    "iscrowd": 0,
                    "attributes": {**said, "seen": region["taken"]},
                }
            )
    named = [{"id": number, "name": name} for name, number in categories.items()]
    coco = {"images": list(images.values()), "categories": named, "annotations": annotations}
    (out / "coco.json").write_text(canonical_json(coco), encoding="utf-8")
    return len(images), len(annotations)


def corrected_layers(session: Session) -> Iterator[tuple[Review, dict[str, Any]]]:
    """The layers with regions of the newest correction of every load."""
    newest = select(func.max(Review.id)).where(Review.correction.is_not(None)).group_by(Review.load_id)
    for review in session.scalars(select(Review).where(Review.id.in_(newest)).order_by(Review.id)):
        for layer in json.loads(review.correction or "{}").get("layers", ()):
            if layer["regions"]:
                yield review, layer


def suffix_of(picture: bytes) -> str:
    """The ending of a stored picture's name, without a dot."""
    return _SUFFIXES[picture[:2]]


def _picture(blobs: Blobs, sha256: str, out: Path, number: int) -> dict[str, Any] | None:
    try:
        data = blobs.get(sha256)
    except BlobMissingError:
        return None
    frame = Frame.from_bytes(data, name=f"frame {sha256}", time_s=0)
    name = f"{sha256}.{suffix_of(data)}"
    (out / name).write_bytes(data)
    return {"id": number, "file_name": name, "width": frame.width, "height": frame.height}


def _said(session: Session, review: Review, layer: dict[str, Any]) -> dict[str, Any]:
    """Where a region comes from."""
    assessment = session.get_one(Assessment, (review.load_id, review.version))
    return {
        "load": review.load_id,
        "layer": layer["layer"],
        "by": review.actor,
        "at": review.at,
        "reason": review.reason,
        "model": json.loads(assessment.observation)["model"],
        "map_sha256": layer["map_sha256"],
    }


def _outlines(regions: list[dict[str, Any]], image: dict[str, Any]) -> list[list[Any]]:
    """The outlines of each region in pixels of its picture; what a later one covers is not its any more."""
    drawn = [Region(tuple((x, y) for x, y in region["points"]), region["radius"]) for region in regions]
    of = painted((image["height"], image["width"]), drawn)
    found = []
    for number in range(1, len(regions) + 1):
        outlines, _ = cv2.findContours((of == number).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        found.append([outline for outline in outlines if len(outline) >= 3])
    return found
