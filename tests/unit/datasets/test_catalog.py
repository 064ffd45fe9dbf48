"""The catalogue of public sets."""

import csv

import pytest

from loadlens.datasets.catalog import CATALOG, FORM_OF_FOLDER, UnknownSetError, card_text, material_box, verify_set
from loadlens.vision.taxonomy import load_taxonomy


def test_every_set_has_a_card_that_states_its_licence():
    for entry in CATALOG.values():
        assert entry.licence in card_text(entry.id)


def test_every_label_means_a_class_of_the_taxonomy():
    taxonomy = load_taxonomy()
    for entry in CATALOG.values():
        for class_id in entry.classes.values():
            assert class_id in taxonomy


def test_each_trade_folder_has_a_form_of_its_own():
    assert set(FORM_OF_FOLDER.values()) < set(load_taxonomy().ids("form"))
    assert len(set(FORM_OF_FOLDER.values())) == len(FORM_OF_FOLDER)


def test_an_unknown_set_is_refused_with_the_ids_there_are():
    with pytest.raises(UnknownSetError, match="scrap_grades"):
        card_text("imagenet")


def test_a_folder_that_is_not_the_set_is_told_apart(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"not the cat")
    assert "1 pictures" in verify_set(CATALOG["not_scrap"], tmp_path)
    for index in range(7):
        (tmp_path / f"{index}.jpg").write_bytes(bytes([index]))
    assert "not the same bytes" in verify_set(CATALOG["not_scrap"], tmp_path)


@pytest.mark.photos
def test_the_pictures_beside_the_project_are_those_of_the_catalogue(photos):
    # These two are fetched from their own repositories: they do not lie beside the project.
    for entry in CATALOG.values():
        if entry.id not in ("landfill_waste", "imagenet_samples"):
            assert verify_set(entry, photos / entry.folder) is None


@pytest.mark.photos
def test_every_photo_of_a_grade_has_a_box_of_its_material_or_none(photos):
    with (photos / "scrap_grades" / "labels.csv").open(newline="", encoding="utf-8") as file:
        boxes = [material_box(row["file"]) for row in csv.DictReader(file)]
    drawn = [box for box in boxes if box is not None]
    assert len(drawn) > 0.95 * len(boxes)
    for left, top, right, bottom in drawn:
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
