"""What is wrong with a data set before anything is trained on it: twins, leaks, likely wrong labels, lonely classes.

Likely wrong labels are found by disagreement (confident learning, Northcutt, Jiang and Chuang 2021): every photo is
named by a small head that learnt from photos of other scenes only. Where the head is surer of another class than it
usually is of that class where it is right to be, and the label says otherwise, a person should look. It is a list of
places to look at, not a verdict: the head is wrong more often than careful people are.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadlens.datasets.groups import assign_folds
from loadlens.datasets.near_duplicates import group_near_duplicates
from loadlens.datasets.samples import Sample
from loadlens.training.features import STRENGTH

# Two views of one load are among each other's nearest photos; only these are compared feature by feature. Of 368 photos
# of scrap_grades, 74 pairs of one grade are one scene by that comparison: 72 are among the nearest 10, all among 20.
NEIGHBOURS = 20
_FOLDS = 5


@dataclass(frozen=True, slots=True)
class Suspect:
    """A photo whose label may be wrong: places in the samples, class ids, and probabilities 0..1 by strangers to it.

    `like_label` and `like_said` are the most alike photos of other scenes with its label and with the class that the
    head says.
    """

    index: int
    label: str
    said: str
    p_label: float
    p_said: float
    like_label: int | None
    like_said: int | None


@dataclass(frozen=True, slots=True)
class ClassBalance:
    """One class: its pictures, their scenes, and the pictures in each part of the split ("" where there is none)."""

    pictures: int
    scenes: int
    parts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Findings:
    """All that was found; numbers are places in `samples`, whose `group` is the scene.

    `twins` are scenes of several pictures, `leaks` those in several parts, `clashes` those whose pictures have
    different labels. `judged` pictures have one label of a class with two scenes; of these `expected_wrong` have a
    label that the head confidently contradicts.
    """

    samples: Sequence[Sample]
    classes: Mapping[str, ClassBalance]
    twins: Sequence[Sequence[int]]
    leaks: Sequence[Sequence[int]]
    clashes: Sequence[Sequence[int]]
    judged: int
    suspects: Sequence[Suspect]

    def to_plain(self) -> dict[str, Any]:
        """JSON-ready, with the names of the pictures instead of places."""
        name = [sample.name or sample.path.name for sample in self.samples]
        return {
            "schema": "loadlens.data-check/1",
            "pictures": len(self.samples),
            "classes": {key: asdict(balance) for key, balance in self.classes.items()},
            "scenes_of_several_pictures": [[name[place] for place in scene] for scene in self.twins],
            "leaks_between_parts": [[name[place] for place in scene] for scene in self.leaks],
            "one_scene_several_labels": [[name[place] for place in scene] for scene in self.clashes],
            "judged": self.judged,
            "likely_wrong": [
                {
                    "picture": name[one.index],
                    "label": one.label,
                    "said": one.said,
                    "p_label": round(one.p_label, 4),
                    "p_said": round(one.p_said, 4),
                }
                for one in self.suspects
            ],
        }


def with_scenes(samples: Sequence[Sample], features: NDArray[np.float32]) -> list[Sample]:
    """The samples with `group` set to their scene; `features` [N, D] choose which pictures are compared closely."""
    alike = _alikeness(features)
    nearest = np.argsort(-alike, axis=1, kind="stable")[:, :NEIGHBOURS]
    pairs = {(min(a, int(b)), max(a, int(b))) for a, row in enumerate(nearest) for b in row if alike[a, b] > -2}
    return group_near_duplicates(samples, sorted(pairs))


def check_data(samples: Sequence[Sample], features: NDArray[np.float32]) -> Findings:
    """Look for everything; `samples` carry their scenes, `features` [N, D] are those of the same pictures."""
    members: dict[str, list[int]] = defaultdict(list)
    for place, sample in enumerate(samples):
        members[sample.group].append(place)
    twins = [places for places in members.values() if len(places) > 1]
    judged, suspects = _suspects(samples, features)
    return Findings(
        samples=samples,
        classes=class_balance(samples),
        twins=twins,
        leaks=[places for places in twins if len({samples[place].part for place in places} - {""}) > 1],
        clashes=[places for places in twins if len({frozenset(samples[place].labels) for place in places}) > 1],
        judged=judged,
        suspects=suspects,
    )


def class_balance(samples: Sequence[Sample]) -> dict[str, ClassBalance]:
    """By class id: how its pictures spread over scenes and parts."""
    balance = {}
    for name in sorted({label for sample in samples for label in sample.labels}):
        with_it = [sample for sample in samples if name in sample.labels]
        parts: dict[str, int] = defaultdict(int)
        for sample in with_it:
            parts[sample.part] += 1
        balance[name] = ClassBalance(
            len(with_it), len({sample.group for sample in with_it}), dict(sorted(parts.items()))
        )
    return balance


def _suspects(samples: Sequence[Sample], features: NDArray[np.float32]) -> tuple[int, list[Suspect]]:
    """How many pictures could be judged, and those whose label is confidently contradicted, worst first."""
    scenes: dict[str, set[str]] = defaultdict(set)
    for sample in samples:
        if len(sample.labels) == 1:
            scenes[sample.labels[0]].add(sample.group)
    places = [place for place, one in enumerate(samples) if len(one.labels) == 1 and len(scenes[one.labels[0]]) > 1]
    labels = [samples[place].labels[0] for place in places]
    names = sorted(set(labels))
    if len(names) < 2:
        return 0, []
    chances = left_out_chances(features[places], labels, [samples[place].group for place in places], names)
    own = np.array([names.index(label) for label in labels])
    # How sure the head is of a class, on average, where the label agrees.
    usual = np.array([chances[own == number, number].mean() for number in range(len(names))])
    said = np.where(chances >= usual, chances, -1).argmax(axis=1)
    p_said, p_own = chances[np.arange(len(own)), said], chances[np.arange(len(own)), own]
    contradicted = (p_said >= usual[said]) & (p_said > p_own)
    alike = _alikeness(features)
    suspects = [
        Suspect(
            index=places[row],
            label=labels[row],
            said=names[said[row]],
            p_label=float(p_own[row]),
            p_said=float(p_said[row]),
            like_label=_most_alike(alike, samples, places[row], labels[row]),
            like_said=_most_alike(alike, samples, places[row], names[said[row]]),
        )
        for row in np.flatnonzero(contradicted)
    ]
    return len(places), sorted(suspects, key=lambda one: one.p_label - one.p_said)


def left_out_chances(
    features: NDArray[np.float32], labels: Sequence[str], groups: Sequence[str], names: Sequence[str]
) -> NDArray[np.float64]:
    """Probabilities [N, len(names)] of every picture by a head that saw no picture of its scene."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 (it takes seconds to load)
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    # One label for all: a scene must not be in two folds because its pictures are labelled differently.
    folds = np.array(assign_folds([""] * len(groups), groups, folds=min(_FOLDS, len(set(groups)))))
    given = np.array(labels)
    chances = np.zeros((len(labels), len(names)))
    for fold in np.unique(folds):
        kept, held = folds != fold, folds == fold
        if len(set(given[kept])) < 2:
            continue
        head = make_pipeline(
            StandardScaler(), LogisticRegression(C=STRENGTH, class_weight="balanced", max_iter=500)
        ).fit(features[kept], given[kept])
        columns = [names.index(name) for name in head.classes_]
        chances[np.ix_(held, columns)] = head.predict_proba(features[held])
    return chances


def _alikeness(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cosine of standardised features [N, N], -9 on the diagonal."""
    scaled = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-6)
    scaled /= np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-6)
    alike = np.asarray(scaled @ scaled.T, np.float32)
    np.fill_diagonal(alike, -9)
    return alike


def _most_alike(alike: NDArray[np.float32], samples: Sequence[Sample], index: int, label: str) -> int | None:
    others = [
        place for place, sample in enumerate(samples) if label in sample.labels and sample.group != samples[index].group
    ]
    return max(others, key=lambda place: float(alike[index, place]), default=None)
