"""Two views of one scene lie in one group; two loads of one kind do not."""

import cv2
import numpy as np
import pytest

from loadlens.datasets.errors import DataError
from loadlens.datasets.near_duplicates import group_near_duplicates
from loadlens.datasets.readers import read_csv
from loadlens.datasets.samples import Sample


def scene(seed, size=(480, 640)):
    """A heap of bright and dark plates; another seed, another heap."""
    rng = np.random.default_rng(seed)
    picture = np.full(size, 90, np.uint8)
    for _ in range(400):
        centre = (int(rng.integers(size[1])), int(rng.integers(size[0])))
        plate = (centre, tuple(rng.uniform(12, 60, 2)), float(rng.uniform(0, 180)))
        cv2.fillPoly(picture, [cv2.boxPoints(plate).astype(np.int32)], int(rng.integers(256)))
    return picture


def sample(folder, name, picture, label="plates", group=""):
    cv2.imwrite(str(folder / name), picture)
    return Sample(folder / name, (label,), group)


def groups(samples):
    return [one.group for one in group_near_duplicates(samples)]


def test_another_view_of_a_scene_is_found_and_another_scene_is_not(tmp_path):
    heap = scene(1)
    turned = cv2.warpAffine(heap, cv2.getRotationMatrix2D((320, 240), 12, 1.2), (640, 480))
    darker = cv2.convertScaleAbs(heap[40:400, 100:600], alpha=0.7, beta=10)
    samples = [
        sample(tmp_path, "a.png", heap),
        sample(tmp_path, "b.png", scene(2)),
        sample(tmp_path, "c.png", turned),
        sample(tmp_path, "d.jpg", cv2.resize(darker, None, fx=0.5, fy=0.5)),
        sample(tmp_path, "e.png", scene(3)),
    ]
    assert groups(samples) == ["1", "2", "1", "1", "3"]


def test_views_join_through_a_view_between_them_and_a_group_of_the_source_stays_together(tmp_path):
    wide = scene(4, (480, 1500))
    samples = [
        sample(tmp_path, "left.png", wide[:, :640]),
        sample(tmp_path, "right.png", wide[:, 860:]),
        sample(tmp_path, "middle.png", wide[:, 430:1070]),
        sample(tmp_path, "night.png", scene(5), group="load 7"),
        sample(tmp_path, "day.png", scene(6), group="load 7"),
    ]
    assert groups(samples) == ["1", "1", "1", "2", "2"]


def test_pictures_are_compared_within_a_label(tmp_path):
    heap = scene(8)
    assert groups([sample(tmp_path, "a.png", heap), sample(tmp_path, "b.png", heap, "bars")]) == ["1", "2"]


def test_a_picture_without_texture_belongs_to_no_other(tmp_path):
    grey = np.full((200, 300), 128, np.uint8)
    assert groups([sample(tmp_path, "a.png", grey), sample(tmp_path, "b.png", grey)]) == ["1", "2"]


def test_a_file_that_is_no_picture_is_named(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"a\.jpg: not a readable picture"):
        group_near_duplicates([Sample(tmp_path / "a.jpg", ("wood",))])


@pytest.mark.photos
def test_views_of_one_load_among_the_trades_photos_are_joined_and_loads_of_other_grades_never(photos):
    together = [("Railway_Lines/8.jpg", "Railway_Lines/9.jpg"), ("lms/15.jpg", "lms/18.jpg")]
    folders = ("Railway_Lines", "lms", "Wire_Bales")
    samples = [
        # One label for all, so that pictures of different grades are compared too; without the groups of the source.
        Sample(one.path, ("scrap",))
        for one in read_csv(photos / "scrap_grades" / "labels.csv", label_column="grade")
        if one.labels[0] in folders
    ]
    by_name = {f"{one.path.parent.name}/{one.path.name}": one.group for one in group_near_duplicates(samples)}
    for first, second in together:
        assert by_name[first] == by_name[second]
    for one, group in by_name.items():
        assert all(other.split("/")[0] == one.split("/")[0] for other in by_name if by_name[other] == group)
