"""The findings on a data set as one page that needs nothing else: no script, no font, no picture from elsewhere."""

import base64
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import cv2
from jinja2 import Environment, PackageLoader, StrictUndefined

from loadlens.datasets.samples import Sample
from loadlens.training.data_check import Findings
from loadlens.vision.image import EncodedImage, read_bytes, shrink
from loadlens.vision.taxonomy import load_taxonomy

_WIDTH = 260
_MOST_SUSPECTS = 60
_MOST_SCENES = 40
_MOST_OF_A_SCENE = 6


def render_page(findings: Findings, *, title: str, model: str) -> str:
    """The page as HTML, with pictures inside; lists that are longer than a person reads are cut off and say so."""
    environment = Environment(
        loader=PackageLoader("loadlens.training", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = _Shown(findings.samples)
    return environment.get_template("data_check.html").render(
        title=title,
        model=model,
        found=findings,
        parts=sorted({part for balance in findings.classes.values() for part in balance.parts}),
        largest=max((balance.pictures for balance in findings.classes.values()), default=1),
        class_name=_class_name,
        picture=shown.picture,
        caption=shown.caption,
        most={"suspects": _MOST_SUSPECTS, "scenes": _MOST_SCENES, "of_a_scene": _MOST_OF_A_SCENE},
    )


class _Shown:
    """Pictures of samples as they stand on the page."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def picture(self, place: int) -> str:
        """A small JPEG in base64."""
        return _thumbnail(self._samples[place].path)

    def caption(self, place: int) -> str:
        """What the source called it, what it shows, and its part."""
        sample = self._samples[place]
        said = ", ".join(sample.labels) or "nothing labelled"
        return f"{sample.name or sample.path.name}: {said}" + (f" [{sample.part}]" if sample.part else "")


@cache
def _thumbnail(path: Path) -> str:
    rgb = EncodedImage(read_bytes(path), path.name).rgb(1)
    small = shrink(rgb, _WIDTH, max(1, round(rgb.shape[0] * _WIDTH / rgb.shape[1])))
    _, jpeg = cv2.imencode(".jpg", small[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 80])
    return base64.b64encode(jpeg.tobytes()).decode()


def _class_name(class_id: str) -> str:
    taxonomy = load_taxonomy()
    return f"{taxonomy[class_id].name_en} {taxonomy[class_id].name_zh}" if class_id in taxonomy else class_id
