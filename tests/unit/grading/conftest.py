"""A load to grade: small, readable shares, and every part replaceable."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from loadlens.grading.observation import AreaError, LayerObservation, LoadObservation, ModelVersion, SurfaceClass
from loadlens.grading.standard import Standard, load_standard

FORMS = ("hms_1", "hms_80_20", "shredded", "light_melting_bales", "turnings", "rails", "can_bales")
CLASSES = {
    **{form: SurfaceClass(form, "form", family="steel", metal="steel") for form in FORMS},
    "wood": SurfaceClass("wood", "contaminant", density_low=0.05, density=0.15, density_high=0.3),
    "soil": SurfaceClass("soil", "contaminant", density_low=0.3, density=0.5, density_high=0.8),
    "gas_cylinder": SurfaceClass("gas_cylinder", "hazard"),
}
CLEAN = {"hms_1": 1.0}


def a_layer(forms: Mapping[str, float] = CLEAN, index: int = 0, **changes: object) -> LayerObservation:
    layer = LayerObservation(
        index=index,
        start_s=10.0 * index,
        end_s=10.0 * index + 8,
        key_frame_s=10.0 * index + 4,
        key_frame_sha256="a" * 64,
        new_area=1.0,
        visible=1.0,
        forms=forms,
        contaminants={},
        unknown=0.0,
        confidence=0.9,
    )
    return replace(layer, **changes)


def a_load(*layers: LayerObservation, **changes: object) -> LoadObservation:
    load = LoadObservation(
        load_id="L1",
        source="clip.mp4",
        started_at="2026-03-01T08:00:00+00:00",
        frames_seen=500,
        frames_used=40,
        layers=layers or (a_layer(),),
        hazards=(),
        classes=CLASSES,
        coverage=0.97,
        duplicate_area=0.02,
        mm_per_px=None,
        model=ModelVersion("test", "1", "0" * 64),
        software="0.1.0",
        area_error=AreaError({}, 0.001, 0.9, -1.5, 2.0, 120),
        forms_known=FORMS,
    )
    return replace(load, **changes)


@pytest.fixture(scope="session")
def layer() -> Callable[..., LayerObservation]:
    """Make a layer of clean heavy scrap; keywords replace its parts."""
    return a_layer


@pytest.fixture(scope="session")
def load() -> Callable[..., LoadObservation]:
    """Make a load of the given layers; keywords replace its parts."""
    return a_load


@pytest.fixture
def soiled() -> Callable[..., LoadObservation]:
    """Make a load of which a given mass share is soil: one layer, area chosen so that the mass comes out."""

    def of(mass_share: float, **changes: object) -> LoadObservation:
        area = mass_share / (0.5 + 0.5 * mass_share)  # mass = 0.5 a / (1 - 0.5 a), solved for a
        return a_load(a_layer({"hms_1": 1 - area}, contaminants={"soil": area}), **changes)

    return of


@pytest.fixture
def mill() -> Callable[..., Standard]:
    """The example mill with some of its rules replaced."""

    def of(**rules: object) -> Standard:
        standard = load_standard("example-mill")
        return replace(standard, rules=replace(standard.rules, **rules))

    return of
