"""Several cameras on one bed: what each of them saw becomes one observation, and no surface is counted twice.

Layers of different cameras that lay open at the same time show the same surface of the same bed. They become one
layer: as large as the camera that saw most of it says, with the shares that all of them saw, weighed by how much each
saw. A layer that one camera alone saw is kept as it is. Hazards are never averaged: every one of them is kept.

A pure function: the same views give the same bytes, in whatever order they are given. The errors that a model carries
were measured with one camera; nothing here makes them smaller.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from loadlens.grading.observation import Doubt, HazardSighting, LayerObservation, LoadObservation, in_time

# Layers that overlap for this share of the shorter one lay open together. Assumed: trackers see a surface settle and
# vanish within seconds of each other, and it lies open for a whole grab.
_TOGETHER = 0.5
# What one camera calls new of one surface, in however many layers, is no more than the bed and a little at its edges.
_MORE_THAN_A_BED = 1.25
# Two pictures of one surface differ by light and angle; by more than this share of the area they contradict. Assumed.
_CONTRADICTION = 0.3


class FusionError(ValueError):
    """Views that cannot be one load's: the message says in what they differ."""


@dataclass(frozen=True, slots=True)
class Fused:
    """One observation of all views. `shown` names for each layer the camera and its layer whose picture is evidence."""

    observation: LoadObservation
    shown: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One layer of one camera, in the time of the load."""

    camera: str
    layer: LayerObservation

    @property
    def weight(self) -> float:
        """How much of the surface this camera saw."""
        return self.layer.new_area * self.layer.visible


def fuse(views: Mapping[str, LoadObservation]) -> Fused:
    """The views of one load by camera as one observation. Raises FusionError where they cannot be of one load.

    A single view stays as it is.
    """
    if not views:
        raise FusionError("there is no view to fuse")
    cameras = sorted(views)
    first = views[cameras[0]]
    if len(cameras) == 1:
        return Fused(first, tuple((cameras[0], layer.index) for layer in first.layers))
    for camera in cameras[1:]:
        _check_alike(cameras[0], first, camera, views[camera])
    began = min((views[camera].started_at for camera in cameras), key=datetime.fromisoformat)
    moved = {camera: _from_the_start_of_the_load(views[camera], began) for camera in cameras}
    groups = _groups([[_Seen(camera, layer) for layer in moved[camera].layers] for camera in cameras])
    layers = tuple(replace(_one_layer(group), index=index) for index, group in enumerate(groups))
    area = math.fsum(layer.new_area for view in moved.values() for layer in view.layers)
    twice = math.fsum(view.duplicate_area * layer.new_area for view in moved.values() for layer in view.layers)
    observation = replace(
        first,
        source=f"cameras {', '.join(cameras)}",
        started_at=began,
        frames_seen=sum(view.frames_seen for view in moved.values()),
        frames_used=sum(view.frames_used for view in moved.values()),
        layers=layers,
        hazards=_hazards(hazard for view in moved.values() for hazard in view.hazards),
        classes={name: about for camera in cameras for name, about in views[camera].classes.items()},
        coverage=max(view.coverage for view in moved.values()),
        duplicate_area=twice / area if area else 0.0,
        mm_per_px=None,
        doubts=_doubts(moved, groups),
    )
    return Fused(observation, tuple(_shown(group) for group in groups))


def _check_alike(one: str, first: LoadObservation, other: str, view: LoadObservation) -> None:
    differ = [
        name
        for name in ("load_id", "model", "software", "area_error", "forms_known")
        if getattr(first, name) != getattr(view, name)
    ]
    # One view may name more: a hazard that another model saw there, of a class that this one does not know.
    shared = first.classes.keys() & view.classes.keys()
    differ += ["classes"] if any(first.classes[name] != view.classes[name] for name in shared) else []
    if differ:
        raise FusionError(f"cameras {one} and {other} differ in {differ[0]}; watch both with the same model")


def _from_the_start_of_the_load(view: LoadObservation, began: str) -> LoadObservation:
    """The same view with times in seconds from the first frame of any camera."""
    late_s = (datetime.fromisoformat(view.started_at) - datetime.fromisoformat(began)).total_seconds()

    def move(hazards: Iterable[HazardSighting]) -> tuple[HazardSighting, ...]:
        return tuple(replace(hazard, frame_s=hazard.frame_s + late_s) for hazard in hazards)

    layers = tuple(
        replace(
            layer,
            start_s=layer.start_s + late_s,
            end_s=layer.end_s + late_s,
            key_frame_s=layer.key_frame_s + late_s,
            hazards=move(layer.hazards),
        )
        for layer in view.layers
    )
    return replace(view, layers=layers, hazards=move(view.hazards))


def _groups(by_camera: Sequence[Sequence[_Seen]]) -> list[list[_Seen]]:
    """The layers that show one surface, in time: each layer stands with that of every other camera it was open with.

    Where one camera saw in two layers what another saw in one, all three are one surface, if a bed holds them.
    """
    everything = [seen for layers in by_camera for seen in layers]
    group_of = {(seen.camera, seen.layer.index): position for position, seen in enumerate(everything)}
    for seen in everything:
        for others in by_camera:
            together = [(_overlap(seen.layer, other.layer), other) for other in others if other.camera != seen.camera]
            best = max(together, key=lambda entry: (entry[0], -entry[1].layer.index), default=None)
            if best is not None and best[0] >= _TOGETHER:
                mine, theirs = (group_of[entry.camera, entry.layer.index] for entry in (seen, best[1]))
                for key, group in group_of.items():
                    if group == theirs:
                        group_of[key] = mine
    groups: dict[int, list[_Seen]] = {}
    for seen in everything:
        groups.setdefault(group_of[seen.camera, seen.layer.index], []).append(seen)
    apart = [part for group in groups.values() for part in _apart(group)]
    return sorted(apart, key=lambda group: (min(seen.layer.start_s for seen in group), _shown(group)))


def _apart(group: list[_Seen]) -> list[list[_Seen]]:
    """A group as it is. Where one camera saw more in it than a bed holds, as beside one that sees nothing change, these
    were several surfaces: each stands by itself, with what lay open together with it for longest."""
    area: dict[str, float] = {}
    for seen in group:
        area[seen.camera] = area.get(seen.camera, 0.0) + seen.layer.new_area
    most = max(sorted(area), key=lambda camera: area[camera])
    if area[most] <= _MORE_THAN_A_BED:
        return [group]
    parts = [[seen] for seen in group if seen.camera == most]
    for seen in group:
        if seen.camera != most:
            max(parts, key=lambda part: _together_s(part[0].layer, seen.layer)).append(seen)
    return [found for part in parts for found in _apart(part)]


def _together_s(one: LayerObservation, other: LayerObservation) -> float:
    """For how many seconds both lay open; negative for those that did not."""
    return min(one.end_s, other.end_s) - max(one.start_s, other.start_s)


def _overlap(one: LayerObservation, other: LayerObservation) -> float:
    """How much of the shorter layer's time both lay open, 0..1."""
    shared = _together_s(one, other)
    if shared < 0:
        return 0.0
    shorter = min(one.end_s - one.start_s, other.end_s - other.start_s)
    return shared / shorter if shorter > 0 else 1.0


def _one_layer(group: Sequence[_Seen]) -> LayerObservation:
    best = _best(group).layer
    if len(group) == 1:
        return best
    cameras = sorted({seen.camera for seen in group})
    area = {camera: math.fsum(seen.layer.new_area for seen in group if seen.camera == camera) for camera in cameras}
    masses = [seen.layer.mass_kg for seen in group if seen.layer.mass_kg is not None]
    return replace(
        best,
        start_s=min(seen.layer.start_s for seen in group),
        end_s=max(seen.layer.end_s for seen in group),
        new_area=min(1.0, max(area.values())),
        visible=max(seen.layer.visible for seen in group),
        forms=_mean(group, lambda layer: layer.forms),
        contaminants=_mean(group, lambda layer: layer.contaminants),
        unknown=_mean(group, lambda layer: {"unknown": layer.unknown})["unknown"],
        confidence=_mean(group, lambda layer: {"confidence": layer.confidence})["confidence"],
        hazards=_hazards(hazard for seen in group for hazard in seen.layer.hazards),
        mass_kg=max(masses, default=None),
    )


def _mean(group: Sequence[_Seen], of: Callable[[LayerObservation], Mapping[str, float]]) -> dict[str, float]:
    """Shares weighed by how much each camera saw; where none saw anything, all count alike."""
    total = math.fsum(seen.weight for seen in group)
    weights = [seen.weight / total if total > 0 else 1 / len(group) for seen in group]
    names = sorted({name for seen in group for name in of(seen.layer)})
    pairs = list(zip(weights, group, strict=True))
    return {name: math.fsum(weight * of(seen.layer).get(name, 0.0) for weight, seen in pairs) for name in names}


def _best(group: Sequence[_Seen]) -> _Seen:
    """The layer that saw most of the surface; among equals that of the first camera by name."""
    return min(group, key=lambda seen: (-seen.weight, seen.camera, seen.layer.index))


def _shown(group: Sequence[_Seen]) -> tuple[str, int]:
    best = _best(group)
    return best.camera, best.layer.index


def _hazards(sightings: Iterable[HazardSighting]) -> tuple[HazardSighting, ...]:
    """Every sighting once, in time."""
    return tuple(sorted(set(sightings), key=in_time))


def _doubts(views: Mapping[str, LoadObservation], groups: Sequence[Sequence[_Seen]]) -> tuple[Doubt, ...]:
    """The doubts of every camera, named where not all have them, and those that only several cameras can raise."""
    found: dict[str, dict[str, str]] = {}
    for camera, view in views.items():
        for doubt in view.doubts:
            found.setdefault(doubt.code, {})[camera] = doubt.why
    doubts = [Doubt(code, _told(by_camera, len(views))) for code, by_camera in found.items()]
    seeing = [camera for camera, view in views.items() if view.layers]
    if seeing and (blind := [camera for camera in views if camera not in seeing]):
        why = f"camera {', '.join(blind)} saw no layer of the load; what {', '.join(seeing)} did not see was not graded"
        doubts.append(Doubt("camera_saw_nothing", why))
    worst = max((_difference(one, other) for group in groups for one in group for other in group), default=0.0)
    if worst > _CONTRADICTION:
        why = f"two cameras name {worst:.0%} of the same surface differently; what counts is their mean"
        doubts.append(Doubt("cameras_disagree", why))
    return tuple(sorted(doubts, key=lambda doubt: doubt.code))


def _told(by_camera: Mapping[str, str], cameras: int) -> str:
    reasons = sorted(set(by_camera.values()))
    if len(reasons) == 1 and len(by_camera) == cameras:
        return reasons[0]
    return "; ".join(f"camera {camera}: {why}" for camera, why in sorted(by_camera.items()))


def _difference(one: _Seen, other: _Seen) -> float:
    """The share of the area that two cameras name differently; 0 for two layers of one camera."""
    if one.camera == other.camera:
        return 0.0
    shares = [{**seen.layer.forms, **seen.layer.contaminants, "": seen.layer.unknown} for seen in (one, other)]
    names = sorted(shares[0].keys() | shares[1].keys())
    return math.fsum(abs(shares[0].get(name, 0.0) - shares[1].get(name, 0.0)) for name in names) / 2
