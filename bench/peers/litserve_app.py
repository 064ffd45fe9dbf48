"""The shipped model behind LitServe, as its own examples do it: the picture as an upload, one worker, no batching."""

import sys

import litserve
from fastapi import Request

from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import picture_for_model


class Api(litserve.LitAPI):
    """Decode, look, and answer with the mean share of every class."""

    def setup(self, device: str) -> None:
        """Load the model once; it knows no other device."""
        del device
        self.model = load_model()

    def decode_request(self, request: Request) -> bytes:
        """The bytes of the upload; LitServe hands over the form of the request."""
        return request["picture"].file.read()

    def predict(self, data: bytes) -> list[float]:
        """The mean of the grid."""
        width = self.model.metadata.trained_width
        picture = picture_for_model(Frame.from_bytes(data, name="upload", time_s=0.0, colour_width=width), width)
        return [float(share) for share in self.model.look(picture).probs.mean(axis=(1, 2))]

    def encode_response(self, output: list[float]) -> dict[str, list[float]]:
        """As JSON."""
        return {"shares": output}


if __name__ == "__main__":
    litserve.LitServer(Api(), accelerator="cpu").run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
