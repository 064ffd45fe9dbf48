"""The head that names whole photos: what is exported says the same as the regression that was fitted."""

from pathlib import Path

import numpy as np
import pytest
import torch

from loadlens.training.features import STRENGTH
from loadlens.training.network import POOLED, PhotoNet
from loadlens.training.photos import fit_head, fit_temperature, left_out_logits, photo_logits
from loadlens.training.samples import Photo
from loadlens.training.strangeness import Strangeness

FORMS = ("turnings", "shredded", "hms_1")


def photos_and_features(n: int) -> tuple[list[Photo], np.ndarray]:
    rng = np.random.default_rng(0)
    photos = [Photo(Path(f"{index}.jpg"), FORMS[index % 3], str(index)) for index in range(n)]
    features = rng.normal(0, 1, (n, 2, POOLED)).astype(np.float32)
    features[..., :3] += 2 * np.eye(3)[np.arange(n) % 3][:, None]
    return photos, features * 3 + 5


def test_the_linear_layer_is_the_regression_on_scaled_features() -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    photos, features = photos_and_features(60)
    network = PhotoNet(len(FORMS))
    fit_head(network, features, photos, FORMS)
    regression = make_pipeline(
        StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=2000)
    ).fit(features.reshape(-1, POOLED), np.repeat([photo.form for photo in photos], 2))
    order = [list(regression.classes_).index(form) for form in FORMS]
    expected = regression.predict_proba(features[:, 0])[:, order]
    assert photo_logits(network, features).softmax(dim=1).numpy() == pytest.approx(expected, abs=1e-3)


def test_a_form_without_a_photo_is_told() -> None:
    photos, features = photos_and_features(9)
    with pytest.raises(ValueError, match="no photo of rails"):
        fit_head(PhotoNet(4), features, photos, (*FORMS, "rails"))


def test_the_temperature_that_was_put_in_is_found() -> None:
    generator = torch.Generator().manual_seed(1)
    true_logits = torch.randn(4000, 5, generator=generator) * 2
    named = torch.multinomial(true_logits.softmax(dim=1), 1, generator=generator)[:, 0].tolist()
    assert fit_temperature(true_logits * 3, named) == pytest.approx(3, rel=0.1)


def test_a_photo_is_named_by_a_head_that_never_saw_it() -> None:
    photos, features = photos_and_features(60)
    folds = [index // 12 for index in range(60)]
    spoilt = features.copy()
    spoilt[:12] = 1e3  # what the first fold shows must not matter to how the first fold's own heads were made
    network = PhotoNet(len(FORMS))
    clean = left_out_logits(network, features, photos, folds, FORMS)
    other = left_out_logits(network, spoilt, photos, folds, FORMS)
    fit_head(network, features[12:], photos[12:], FORMS)
    assert torch.allclose(clean[:12], photo_logits(network, features[:12]), atol=1e-4)
    assert torch.allclose(other[:12], photo_logits(network, spoilt[:12]), rtol=1e-3)


def test_what_moves_as_the_training_photos_do_is_usual_and_what_moves_otherwise_is_strange() -> None:
    rng = np.random.default_rng(0)
    usual_ways = rng.normal(0, 1, (5, POOLED))

    def photos(n: int, ways: np.ndarray) -> np.ndarray:
        return (rng.normal(0, 3, (n, len(ways))) @ ways + rng.normal(7, 0.5, (n, POOLED))).astype(np.float32)

    strangeness = Strangeness(photos(200, usual_ways))
    known, other = (
        strangeness(torch.from_numpy(photos(100, ways))).numpy() for ways in (usual_ways, rng.normal(0, 1, (5, POOLED)))
    )
    assert known.max() < other.min()
    assert known.min() >= 0
    assert other.max() <= 1


def test_a_feature_that_never_moved_makes_no_photo_strange_without_end() -> None:
    features = np.random.default_rng(0).normal(0, 1, (50, POOLED)).astype(np.float32)
    features[:, 0] = 0
    moved = features[:1].copy()
    moved[0, 0] = 1
    assert float(Strangeness(features)(torch.from_numpy(moved))[0]) < 0.5
