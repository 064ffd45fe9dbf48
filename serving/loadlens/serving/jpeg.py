"""RGB pixels to JPEG bytes."""

import cv2
import numpy as np
from numpy.typing import NDArray


def encode_jpeg(rgb: NDArray[np.uint8], quality: int = 88) -> bytes:
    """A picture, uint8 [H, W, 3] RGB, as JPEG; quality 0..100."""
    encoded, data = cv2.imencode(".jpg", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not encoded:
        raise RuntimeError(f"a picture of shape {rgb.shape} could not be encoded as JPEG")
    return data.tobytes()
