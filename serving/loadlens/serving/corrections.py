"""What a person corrects in layers, resolved: which layer is meant, and what of it lies in the regions that were drawn.

A correction is kept as it was given and as it was resolved, with the digests of the key frame and of the map that it
was drawn on: so the grading stays a function of what is recorded, and whoever wants to learn from it has all there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from loadlens.grading.observation import LayerObservation, LoadObservation, number_of
from loadlens.grading.observation_json import from_json
from loadlens.serving.load_errors import ConflictError, UnacceptableError
from loadlens.serving.records import assessments
from loadlens.serving.store.blobs import Blobs
from loadlens.serving.store.errors import BlobMissingError
from loadlens.serving.store.tables import Assessment
from loadlens.vision.layer_map import LayerMap, Region, parts_of_regions, read_map
from loadlens.vision.taxonomy import load_taxonomy

# Finer than a probability is kept.
_DIGITS = 6


def resolved(session: Session, blobs: Blobs, known: Assessment, correction: Mapping[str, Any]) -> dict[str, Any]:
    """A correction as it is recorded: with all that grading needs of the layers of `known`.

    Raises UnacceptableError for a layer or class that is not there, ConflictError where a layer's map is not kept.
    """
    observation = from_json(known.observation)
    layers = [_layer(session, blobs, known, observation, said) for said in correction["layers"]]
    named = {region["class"] for layer in layers for region in layer["regions"]}
    named |= {name for layer in layers for name in layer["contaminants_percent"]}
    return {**correction, "layers": layers, "classes": _classes(named, observation)}


def taken_by(of: LayerMap, regions: Sequence[Mapping[str, Any]]) -> list[dict[str, float]]:
    """What of a layer's classes lies in each of the regions, as shares 0..1."""
    drawn = [Region(tuple((x, y) for x, y in region["points"]), region["radius"]) for region in regions]
    parts = parts_of_regions(of, drawn, load_taxonomy())
    return [{name: round(share, _DIGITS) for name, share in taken.items()} for taken in parts]


def map_of_layer(session: Session, blobs: Blobs, known: Assessment, layer: int) -> tuple[str, LayerMap]:
    """The digest of the map of a layer, and the map. Raises ConflictError where it is not kept."""
    kept = assessments.map_of_layer(session, known.load_id, known.version, layer)
    try:
        if kept is not None:
            return kept.sha256, read_map(blobs.get(kept.sha256))
        why = "the load was watched before maps were kept"
    except BlobMissingError:
        why = "it was let go, as the settings of this site say"
    raise ConflictError(
        f"the map of layer {number_of(layer)} of load {known.load_id} is not there: {why}; correct its grade or its "
        "contaminants instead"
    )


def _layer(
    session: Session, blobs: Blobs, known: Assessment, observation: LoadObservation, said: Mapping[str, Any]
) -> dict[str, Any]:
    layer = _found(observation, said["layer"])
    sha256, regions = None, []
    if said["regions"]:
        sha256, kept = map_of_layer(session, blobs, known, layer.index)
        taken = taken_by(kept, said["regions"])
        regions = [{**region, "taken": parts} for region, parts in zip(said["regions"], taken, strict=True)]
    return {**said, "regions": regions, "key_frame_sha256": layer.key_frame_sha256, "map_sha256": sha256}


def _found(observation: LoadObservation, index: int) -> LayerObservation:
    for layer in observation.layers:
        if layer.index == index:
            return layer
    raise UnacceptableError(f"load {observation.load_id} has no layer {index}; it has {len(observation.layers)}")


def _classes(named: set[str], observation: LoadObservation) -> dict[str, Any]:
    """What grading needs to know of the classes that the model does not know; of no others."""
    taxonomy = load_taxonomy()
    return {
        name: asdict(taxonomy[name].surface_class)
        for name in sorted(named - observation.classes.keys())
        if name in taxonomy
    }
