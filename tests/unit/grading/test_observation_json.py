"""A stored observation comes back exactly as it was."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadlens.grading.observation import (
    AreaError,
    Doubt,
    HazardSighting,
    LayerObservation,
    LoadObservation,
    ModelVersion,
    SurfaceClass,
)
from loadlens.grading.observation_json import ObservationJsonError, from_json, to_json

finite = st.floats(allow_nan=False, allow_infinity=False)
whole = st.integers(-(2**63), 2**63)
# Any text, also Chinese, control characters and lone surrogates of a broken file name.
text = st.text(st.characters(), max_size=20)
shares = st.dictionaries(text, finite, max_size=3)
hazards = st.lists(
    st.builds(HazardSighting, text, finite, st.tuples(whole, whole, whole, whole), finite, text), max_size=2
).map(tuple)
layers = st.builds(
    LayerObservation,
    index=whole,
    start_s=finite,
    end_s=finite,
    key_frame_s=finite,
    key_frame_sha256=text,
    new_area=finite,
    visible=finite,
    forms=shares,
    contaminants=shares,
    unknown=finite,
    confidence=finite,
    hazards=hazards,
    mass_kg=st.none() | st.decimals(allow_nan=False, allow_infinity=False),
)
classes = st.builds(SurfaceClass, text, st.sampled_from(("form", "hazard")), text, text, finite, finite, finite)
loads = st.builds(
    LoadObservation,
    load_id=text,
    source=text,
    started_at=text,
    frames_seen=whole,
    frames_used=whole,
    layers=st.lists(layers, max_size=2).map(tuple),
    hazards=hazards,
    classes=st.dictionaries(text, classes, max_size=2),
    coverage=finite,
    duplicate_area=finite,
    mm_per_px=st.none() | finite,
    model=st.builds(ModelVersion, text, text, text),
    software=text,
    area_error=st.none() | st.builds(AreaError, shares, finite, finite, finite, finite, whole),
    doubts=st.lists(st.builds(Doubt, text, text), max_size=2).map(tuple),
    forms_known=st.lists(text, max_size=2).map(tuple),
)


@given(loads)
def test_every_observation_comes_back_exactly(load):
    stored = to_json(load)
    assert from_json(stored) == load
    assert to_json(from_json(stored)) == stored


@given(loads, st.decimals(allow_nan=False, allow_infinity=False))
def test_a_grab_mass_keeps_every_digit(load, mass):
    layer = LayerObservation(0, 0.0, 1.0, 0.5, "a", 1.0, 1.0, {}, {}, 1.0, 0.0, mass_kg=mass)
    (back,) = from_json(to_json(LoadObservation(**{**fields_of(load), "layers": (layer,)}))).layers
    assert isinstance(back.mass_kg, Decimal)
    assert back.mass_kg.as_tuple() == mass.as_tuple()


def fields_of(load):
    return {name: getattr(load, name) for name in load.__dataclass_fields__}


@pytest.mark.parametrize(
    "stored", ["", "[]", "{}", "3", "null", '{"schema": "loadlens.observation/2"}', "{", "[" * 100_000, '{"a": NaN}']
)
def test_anything_else_is_refused(stored):
    with pytest.raises(ObservationJsonError):
        from_json(stored)


@given(loads)
def test_a_missing_or_unknown_key_is_refused(load):
    data = json.loads(to_json(load))
    for changed in ({**data, "extra": 1}, {key: value for key, value in data.items() if key != "coverage"}):
        with pytest.raises(ObservationJsonError):
            from_json(json.dumps(changed))


@pytest.mark.parametrize(
    "edit",
    [
        lambda data: data["classes"].clear() or data.update(classes=[]),
        lambda data: data.update(coverage=float("nan")),
        lambda data: data["layers"][0].update(mass_kg="heavy"),
        lambda data: data["layers"][0].update(hazards=[7]),
    ],
)
def test_what_was_edited_by_hand_is_refused_not_crashed_on(edit):
    layer = LayerObservation(0, 0.0, 1.0, 0.5, "a", 1.0, 1.0, {}, {}, 1.0, 0.0)
    load = LoadObservation(
        "l", "s", "t", 1, 1, (layer,), (), {}, coverage=1.0, duplicate_area=0.0, mm_per_px=None,
        model=ModelVersion("m", "1", "0"), software="1",
    )  # fmt: skip
    data = json.loads(to_json(load))
    edit(data)
    with pytest.raises(ObservationJsonError):
        from_json(json.dumps(data))
