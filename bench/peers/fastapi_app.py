"""The shipped model behind a plain FastAPI service that takes uploads, as tutorials write it."""

import sys
from typing import Annotated

import uvicorn
from fastapi import FastAPI, File

from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import picture_for_model

app = FastAPI()
model = load_model()


@app.post("/predict")
def predict(picture: Annotated[bytes, File()]) -> dict[str, list[float]]:
    """The mean of the grid."""
    width = model.metadata.trained_width
    rgb = picture_for_model(Frame.from_bytes(picture, name="upload", time_s=0.0, colour_width=width), width)
    return {"shares": [float(share) for share in model.look(rgb).probs.mean(axis=(1, 2))]}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
