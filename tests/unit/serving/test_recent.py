"""Frames that were just taken in are given to the grader once, and never hold more memory than allowed."""

import numpy as np
import pytest

from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.recent import RecentFrames
from loadlens.vision.image import EncodedImage


@pytest.fixture
def pictures():
    noise = np.random.default_rng(0)
    made = [EncodedImage(encode_jpeg(noise.integers(0, 256, (96, 128, 3), np.uint8)), "p") for _ in range(4)]
    return {picture.digest(): picture for picture in made}


def test_a_picture_is_given_out_once(pictures):
    recent = RecentFrames()
    for sha256, picture in pictures.items():
        recent.add(sha256, picture)
    for sha256, picture in pictures.items():
        assert recent.take(sha256) is picture
        assert recent.take(sha256) is None


def test_the_oldest_goes_where_room_runs_out(pictures):
    names = list(pictures)
    recent = RecentFrames(room_bytes=sum(pictures[name].memory_bytes for name in names[2:]))
    for sha256, picture in pictures.items():
        recent.add(sha256, picture)
        recent.add(sha256, picture)
    assert [recent.take(name) is not None for name in names] == [False, False, True, True]
    recent.add(names[0], pictures[names[0]])
    assert recent.take(names[0]) is pictures[names[0]]
