"""`loadlens classify`: what single pictures show."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from loadlens.serving.commands.choices import ModelPath
from loadlens.serving.errors import RefusedError, told_plainly


def classify(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="JPEG, PNG, BMP or WebP pictures.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per picture, a line each.")] = False,
    model: ModelPath = None,
) -> int:
    """Say what is in each picture. A picture that is refused does not keep the others from being looked at."""
    with told_plainly():
        from loadlens.vision.model import load_model  # noqa: PLC0415
        from loadlens.vision.video import in_letters  # noqa: PLC0415

        eye = load_model(model)
    code = 0
    for image in images:
        try:
            found = _look(image, eye)
        except RefusedError as error:
            print(f"loadlens: {error}", file=sys.stderr)
            code = error.exit_code
        else:
            print(in_letters(json.dumps(found, ensure_ascii=False) if as_json else _line(found)))
    return code


def _look(image: str, eye: Any) -> dict[str, Any]:
    from loadlens.vision.frame import Frame  # noqa: PLC0415
    from loadlens.vision.image import read_bytes  # noqa: PLC0415
    from loadlens.vision.look import look_at  # noqa: PLC0415

    with told_plainly():
        width = eye.metadata.trained_width
        frame = Frame.from_bytes(read_bytes(Path(image)), name=image, time_s=0.0, colour_width=width)
        return look_at(frame, eye).to_plain(image)


def _line(found: dict[str, Any]) -> str:
    sure = "abstains" if found["abstain"] else f"{found['confidence']:.0%}"
    shown = [
        f"{name} {share:.1%}"
        for kind, least in (("forms", 0.05), ("contaminants", 0.01), ("hazards", 0.01))
        for name, share in sorted(found[kind].items(), key=lambda entry: -entry[1])
        if share >= least
    ]
    named = f"{found['image']}: {found['top'] or 'nothing'} ({sure})"
    return f"{named}; {', '.join(shown)}" if shown else named
