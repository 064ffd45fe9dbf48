"""Frames that were just taken in are given to the grader once, and never hold more memory than allowed."""

import numpy as np
import pytest

from loadlens.serving.jpeg import encode_jpeg
from loadlens.serving.recent import RecentFrames
from loadlens.vision.image import EncodedImage

NOISE = np.random.default_rng(0)
JPEGS = [encode_jpeg(NOISE.integers(0, 256, (96, 128, 3), np.uint8)) for _ in range(4)]


@pytest.fixture
def pictures():
    made = [EncodedImage(jpeg, "p") for jpeg in JPEGS]
    return {picture.digest(): picture for picture in made}


def nothing_is_read(sha256):
    raise AssertionError(f"{sha256} was read from the store")


def test_a_picture_is_given_out_once(pictures):
    recent = RecentFrames(nothing_is_read)
    for sha256, picture in pictures.items():
        recent.add(sha256, picture)
    for sha256, picture in pictures.items():
        assert recent.take(sha256) is picture
        assert recent.take(sha256) is None


def test_the_oldest_loses_its_bytes_where_room_runs_out_and_is_seen_as_before(pictures):
    names = list(pictures)
    before = [(picture.luma(128, 96), picture.rgb(1)) for picture in pictures.values()]
    store = {name: JPEGS[number] for number, name in enumerate(names)}
    asked = []

    def read(sha256):
        asked.append(sha256)
        return store[sha256]

    recent = RecentFrames(read, room_bytes=sum(picture.memory_bytes for picture in pictures.values()) - 1)
    for sha256, picture in pictures.items():
        recent.add(sha256, picture)
        recent.add(sha256, picture)
    taken = [recent.take(name) for name in names]
    assert all((picture.luma(128, 96) == luma).all() for picture, (luma, _) in zip(taken, before, strict=True))
    assert asked == []
    assert all((picture.rgb(1) == rgb).all() for picture, (_, rgb) in zip(taken, before, strict=True))
    assert [picture.digest() for picture in taken] == names
    assert asked == names[:1]


def test_the_oldest_goes_where_there_is_no_room_for_it_at_all(pictures):
    names = list(pictures)
    recent = RecentFrames(nothing_is_read, room_bytes=min(picture.memory_bytes for picture in pictures.values()))
    for sha256, picture in pictures.items():
        recent.add(sha256, picture)
    assert recent.take(names[0]) is None
    assert recent.take(names[-1]) is pictures[names[-1]]
    recent.add(names[0], pictures[names[0]])
    assert recent.take(names[0]) is pictures[names[0]]
