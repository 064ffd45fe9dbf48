"""The shipped model behind Granian's own interface (RSGI): the picture is the body, looked at beside the event loop."""

import asyncio
import json
import sys
from typing import Any

from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import picture_for_model

model = load_model()


def look(jpeg: bytes) -> str:
    """The mean of the grid, as JSON."""
    width = model.metadata.trained_width
    rgb = picture_for_model(Frame.from_bytes(jpeg, name="upload", time_s=0.0, colour_width=width), width)
    return json.dumps({"shares": [float(share) for share in model.look(rgb).probs.mean(axis=(1, 2))]})


async def app(scope: Any, protocol: Any) -> None:
    """Answer one request, whatever its path."""
    del scope
    answer = await asyncio.to_thread(look, await protocol())
    protocol.response_str(200, [("content-type", "application/json")], answer)


if __name__ == "__main__":
    # It imports this file again, in its worker: `app` is named, not handed over.
    Granian(f"{__file__}:app", port=int(sys.argv[1]), interface=Interfaces.RSGI, log_level=LogLevels.warning).serve()
