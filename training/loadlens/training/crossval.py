"""Cross-validation on photos: five folds that never share a scene, so that every photo is named by a stranger to it.

    python -m loadlens.training.crossval --photos FOLDER --out runs/grades

The baseline is the one to beat: the same backbone, untouched, with logistic regression on its features.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from loadlens.training.commands import BACKBONE, recipe_path
from loadlens.training.network import SurfaceNet, load_backbone
from loadlens.training.recipe import Recipe, load_recipe
from loadlens.training.samples import Photo, photo_fold, read_photo, to_tensor
from loadlens.training.statistics import bootstrap, macro_f1
from loadlens.training.train import form_positions, load_trained, photo_scores, train
from loadlens.vision.taxonomy import load_taxonomy

FOLDS = 5


def cross_validate(recipe: Recipe, photos: Path, out: Path) -> None:
    """Train and name every fold; writes crossval.json with macro-F1 of forms and families, n and intervals."""
    backbone = photos / BACKBONE if (photos / BACKBONE).is_file() else None
    answers: dict[str, list[tuple[str, str, str]]] = {"trained": [], "frozen_logistic": []}
    for fold in range(FOLDS):
        kept, held = photo_fold(photos, fold)
        run = out / f"fold-{fold}"
        train(replace(recipe, fold=fold), run, photos=photos, scenes=out / "scenes", backbone=backbone)
        _, network = load_trained(run)
        said = {"trained": _named(network, recipe, held), "frozen_logistic": _baseline(recipe, backbone, kept, held)}
        for way, names in said.items():
            answers[way] += [(photo.form, name, photo.scene) for photo, name in zip(held, names, strict=True)]
    figures = {}
    for way, rows in answers.items():
        scenes = [row[2] for row in rows]
        for kind, of in (("form", str), ("family", load_taxonomy().family)):
            pairs = [(of(true), of(said)) for true, said, _ in rows]
            number = {name: place for place, name in enumerate(sorted({name for pair in pairs for name in pair}))}
            numbers = np.array([(number[true], number[said]) for true, said in pairs], np.float64)
            figures[f"{way}_{kind}_macro_f1"] = asdict(bootstrap(numbers, macro_f1, groups=scenes))
    (out / "crossval.json").write_text(json.dumps({"figures": figures, "answers": answers}, indent=1), encoding="utf-8")
    print(json.dumps(figures, indent=1))


def _sized(photo: Photo, recipe: Recipe) -> NDArray[np.uint8]:
    size = recipe.photo_size[::-1]
    return np.asarray(cv2.resize(read_photo(photo.path), size, interpolation=cv2.INTER_AREA), np.uint8)


@torch.no_grad()
def _named(network: SurfaceNet, recipe: Recipe, photos: list[Photo]) -> list[str]:
    """The form of every photo, seen as it is and mirrored."""
    names = []
    for photo in photos:
        sized = _sized(photo, recipe)
        scores = photo_scores(network(to_tensor([sized, sized[:, ::-1]])), form_positions(recipe.classes))
        names.append(recipe.classes[int(scores.mean(dim=0).argmax())])
    return names


@torch.no_grad()
def _baseline(recipe: Recipe, backbone: Path | None, kept: list[Photo], held: list[Photo]) -> list[str]:
    network = SurfaceNet(len(recipe.classes))
    load_backbone(network, backbone)
    network.eval()

    def features(photos: list[Photo]) -> NDArray[np.float32]:
        pictures = (to_tensor([_sized(photo, recipe)]) / 127.5 - 1 for photo in photos)
        return np.stack([network.coarse(network.fine(one)).mean(dim=(2, 3))[0].numpy() for one in pictures])

    regression = make_pipeline(StandardScaler(), LogisticRegression(C=0.02, class_weight="balanced", max_iter=2000))
    regression.fit(features(kept), [photo.form for photo in kept])
    return [str(name) for name in regression.predict(features(held))]


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--recipe", default="grades")
    arguments.add_argument("--photos", type=Path, required=True)
    arguments.add_argument("--out", type=Path, required=True)
    asked = arguments.parse_args()
    cross_validate(load_recipe(recipe_path(asked.recipe)), asked.photos, asked.out)
