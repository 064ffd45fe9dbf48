"""Surfaces for scenes: drawn ones need nothing, photos of one part never serve another."""

import numpy as np
import pytest

from loadlens.datasets.errors import DataError
from loadlens.datasets.procedural import ProceduralTextures
from loadlens.datasets.scene import INDEX, render_scene
from loadlens.datasets.textures import PhotoTextures, _files_by_form, _piece_files
from loadlens.vision.taxonomy import load_taxonomy


def test_every_drawn_form_contaminant_and_hazard_is_in_the_taxonomy_and_draws() -> None:
    bank, rng, taxonomy = ProceduralTextures(), np.random.default_rng(0), load_taxonomy()
    for form in bank.forms:
        assert taxonomy[form].kind == "form"
        surface = bank.form(rng, form, (80, 120))
        assert surface.shape == (80, 120, 3)
        assert surface.std() > 4, f"{form} is drawn as a plain colour"
    for name in (*bank.contaminants, *bank.hazards):
        piece = bank.contaminant(rng, name) if name in bank.contaminants else bank.hazard(rng, name)
        assert piece.shape[2] == 4
        assert (piece[..., 3] > 127).mean() > 0.2


def test_a_scene_labels_every_pixel_with_a_class() -> None:
    rgb, label = render_scene(np.random.default_rng(3), ProceduralTextures())
    assert rgb.shape == (*label.shape, 3)
    assert set(np.unique(label)) <= set(INDEX.values())


def test_missing_photos_are_told_with_a_remedy(tmp_path) -> None:
    with pytest.raises(DataError, match="loadlens data sets"):
        PhotoTextures(tmp_path, "train")


@pytest.mark.photos
def test_no_photo_serves_two_parts(photos) -> None:
    seen: dict[object, str] = {}
    for part in ("train", "calibration", "test"):
        forms = _files_by_form(photos / "scrap_grades", part)
        pieces = _piece_files(photos, part)
        files = {path for entries in forms.values() for path, _ in entries}
        files |= {path for paths in pieces.values() for path in paths}
        assert len(forms) >= 23, "a form may have no photo in a part that shows hardly anything but its material"
        assert files
        for file in files:
            assert seen.setdefault(file, part) == part


@pytest.mark.photos
def test_a_surface_quilted_from_photos_fills_its_size(photos) -> None:
    bank = PhotoTextures(photos, "test")
    surface = bank.form(np.random.default_rng(0), "turnings", (140, 300))
    assert surface.shape == (140, 300, 3)
    assert surface.std() > 8
