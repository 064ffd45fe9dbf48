"""The shipped model behind mosec: the picture is the body, a worker for each core, no batching."""

import os
import sys

from mosec import Server, Worker

from loadlens.vision.frame import Frame
from loadlens.vision.model import load_model
from loadlens.vision.pipeline import picture_for_model


class Look(Worker):
    """Decode, look, and answer with the mean share of every class."""

    def __init__(self) -> None:
        super().__init__()
        self.model = load_model()

    def deserialize(self, data: bytes) -> bytes:
        """The body as it came; mosec would read it as JSON."""
        return data

    def forward(self, data: bytes) -> dict[str, list[float]]:
        """The mean of the grid, which mosec writes as JSON."""
        width = self.model.metadata.trained_width
        rgb = picture_for_model(Frame.from_bytes(data, name="upload", time_s=0.0, colour_width=width), width)
        return {"shares": [float(share) for share in self.model.look(rgb).probs.mean(axis=(1, 2))]}


if __name__ == "__main__":
    # Its settings are read from the command line or from here. With 32 in flight on a busy machine some wait for long.
    os.environ |= {"MOSEC_PORT": sys.argv[1], "MOSEC_ADDRESS": "127.0.0.1", "MOSEC_TIMEOUT": "60000"}
    os.environ |= {"MOSEC_LOG_LEVEL": "warning"}
    server = Server()
    server.append_worker(Look, num=os.cpu_count() or 1)
    server.run()
