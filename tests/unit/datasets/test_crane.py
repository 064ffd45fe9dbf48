"""The crane-camera frames and the regions drawn on them."""

import shutil

import cv2
import numpy as np
import pytest

from loadlens.datasets.crane import IGNORE, label_map, load_crane_frames, load_surface_pairs, polygon_mask
from loadlens.datasets.errors import DataError
from loadlens.vision.taxonomy import load_taxonomy

SIZE = (270, 480)
CLASSES = tuple(load_taxonomy())


@pytest.fixture(scope="module")
def frames(photos):
    return load_crane_frames(photos / "unloading_frames")


@pytest.mark.photos
def test_every_crane_frame_is_annotated(frames, photos):
    assert {frame.path for frame in frames} == set((photos / "unloading_frames").glob("*.jpg"))
    assert all(frame.regions for frame in frames)


@pytest.mark.photos
def test_a_label_map_holds_taxonomy_indexes_and_leaves_the_caption_unjudged(frames):
    for frame in frames:
        label = label_map(frame, SIZE)
        assert label.shape == SIZE
        assert label.dtype == np.int16
        assert label.min() >= IGNORE and label.max() < len(CLASSES)
        assert (label[:4] == IGNORE).all()


@pytest.mark.photos
def test_a_frame_without_a_wagon_teaches_no_material(frames):
    (empty,) = [frame for frame in frames if frame.material == "no_wagon"]
    assert set(np.unique(label_map(empty, SIZE))) <= {IGNORE, CLASSES.index("ground")}


@pytest.mark.photos
def test_the_magnet_lies_over_the_load(frames):
    for frame in frames:
        label = label_map(frame, SIZE)
        magnets = [region for region in frame.regions if region.kind == "magnet"]
        assert frame.magnet_visible == bool(magnets)
        for region in magnets:
            judged = label[polygon_mask(region.polygon, SIZE)]
            assert set(judged[judged != IGNORE]) == {CLASSES.index("magnet")}


@pytest.mark.photos
def test_the_two_frames_of_a_pair_show_the_same_surface(frames):
    pairs = load_surface_pairs(frames)
    assert pairs
    for pair in pairs:
        size = (540, 960)
        scale = np.float32([size[1], size[0]])
        first = cv2.resize(cv2.imread(str(pair.first.path), cv2.IMREAD_GRAYSCALE), size[::-1])
        second = cv2.resize(cv2.imread(str(pair.second.path), cv2.IMREAD_GRAYSCALE), size[::-1])
        move, _ = cv2.estimateAffine2D(pair.first_polygon * scale, pair.second_polygon * scale)
        second_as_first = cv2.warpAffine(second, cv2.invertAffineTransform(move), size[::-1])
        mask = polygon_mask(pair.first_polygon, size)
        same = np.corrcoef(cv2.blur(first, (9, 9))[mask], cv2.blur(second_as_first, (9, 9))[mask])[0, 1]
        elsewhere = np.corrcoef(cv2.blur(first, (9, 9))[mask], cv2.blur(second_as_first[::-1], (9, 9))[mask])[0, 1]
        assert same > max(0.3, elsewhere + 0.2), pair.note


@pytest.mark.photos
def test_a_renamed_frame_keeps_its_regions(frames, tmp_path):
    shutil.copy(frames[3].path, tmp_path / "renamed.jpg")
    (renamed,) = load_crane_frames(tmp_path)
    assert (label_map(renamed, SIZE) == label_map(frames[3], SIZE)).all()


@pytest.mark.photos
def test_a_frame_with_other_bytes_is_refused_by_name(frames, tmp_path):
    (tmp_path / frames[0].path.name).write_bytes(frames[0].path.read_bytes() + b"\0")
    with pytest.raises(DataError, match=frames[0].path.name):
        load_crane_frames(tmp_path)


def test_a_folder_without_crane_frames_is_refused(tmp_path):
    with pytest.raises(DataError, match="no annotated crane frame"):
        load_crane_frames(tmp_path)


def test_a_polygon_covers_the_share_of_the_picture_that_it_says():
    left_half = np.float32([[0, 0], [0.5, 0], [0.5, 1], [0, 1]])
    assert polygon_mask(left_half, (108, 192)).mean() == pytest.approx(0.5, abs=0.01)
