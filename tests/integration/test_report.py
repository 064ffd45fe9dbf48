"""The report page needs nothing else, and says nothing that a load's own words put into it as markup."""

from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser

import pytest

from loadlens.grading.assessment import assess_load
from loadlens.grading.observation import (
    AreaError,
    Doubt,
    HazardSighting,
    LayerObservation,
    LoadObservation,
    ModelVersion,
)
from loadlens.grading.quantity import Mass
from loadlens.grading.standard import load_standard
from loadlens.grading.weighing import Weights
from loadlens.serving.report import render_report
from loadlens.vision.taxonomy import load_taxonomy

HOSTILE = "<script>alert('load')</script>"
CYLINDER = HazardSighting("gas_cylinder", 0.91, (10, 20, 30, 40), 12.5, "c" * 64)


def a_layer(index, hazards=()):
    return LayerObservation(
        index=index,
        start_s=10.0 * index,
        end_s=10.0 * index + 8,
        key_frame_s=10.0 * index + 4,
        key_frame_sha256=str(index) * 64,
        new_area=0.8,
        visible=1.0,
        forms={"hms_1": 0.6, "shredded": 0.3},
        contaminants={"wood": 0.07},
        unknown=0.03,
        confidence=0.8,
        hazards=hazards,
    )


LOAD = LoadObservation(
    load_id="load-17",
    source="camera yard",
    started_at="2026-03-01T08:00:00+00:00",
    frames_seen=200,
    frames_used=40,
    layers=(a_layer(0), a_layer(1)),
    hazards=(),
    classes={name: card.surface_class for name, card in load_taxonomy().items()},
    coverage=0.95,
    duplicate_area=0.01,
    mm_per_px=None,
    model=ModelVersion("surface", "1", "d" * 64),
    software="0.1.0",
    area_error=AreaError({}, 0.01, 0.9, -1.5, 1.8, 60),
    forms_known=("hms_1", "shredded"),
)
WEIGHTS = Weights(Mass(48960), Mass(Decimal("16420.5")), Mass(20))


class Page(HTMLParser):
    """What a browser would see of a page: its tags, what it would fetch, and its text."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.fetched, self.text = [], [], ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.fetched += [value for name, value in attrs if name in ("src", "href", "srcset", "data", "poster")]

    def handle_data(self, data):
        self.text += data


def page_of(load=LOAD, *, weights=WEIGHTS, declared=None, standard="example-mill"):
    chosen = load_standard(standard)
    report = assess_load(load, chosen, weights=weights, declared=declared).to_report()
    html = render_report(report, {layer["index"]: b"\xff\xd8 a picture" for layer in report["layers"]}, chosen)
    return html, Page(html), report


def test_the_page_needs_nothing_from_elsewhere():
    html, page, _ = page_of()
    assert len(page.fetched) == 2
    assert all(place.startswith("data:image/jpeg;base64,") for place in page.fetched)
    assert not {"script", "link", "iframe", "object", "form"} & set(page.tags)
    for outside in ("http://", "https://", "@import", "url("):
        assert outside not in html


def test_words_that_others_chose_are_shown_and_never_run():
    hostile = replace(
        LOAD,
        load_id=HOSTILE,
        source=HOSTILE,
        started_at=HOSTILE,
        doubts=(Doubt("odd", HOSTILE),),
        model=ModelVersion(HOSTILE, '"><img src=x>', "d" * 64),
    )
    html, page, _ = page_of(hostile, declared=HOSTILE)
    assert "<script" not in html
    assert "script" not in page.tags
    assert page.tags.count("img") == 2
    assert HOSTILE in page.text


def test_the_page_says_what_is_paid_and_why():
    html, page, report = page_of()
    truck = report["truck"]
    text = " ".join(page.text.replace("\u202f", "").split())
    assert truck["grade"] in text
    for mass in (truck["deduction"]["kg"], truck["deduction"]["kg_low"], truck["deduction"]["kg_high"]):
        assert f"{mass:g}kg" in text
    assert f"{truck['settlement_kg']:.1f}kg" in text
    assert "Wood 木材" in text
    assert "<svg" in html
    for line in report["explain"]:
        assert " ".join(line.split()) in text
    for flag in report["truck"]["flags"]:
        assert flag["why"][1:] in text
    for digest in ("0" * 64, "1" * 64, "d" * 64, report["versions"]["standard"]["sha256"]):
        assert digest in text


def test_a_hazard_comes_before_everything_else():
    load = replace(LOAD, hazards=(CYLINDER,), layers=(a_layer(0), a_layer(1, (CYLINDER,))))
    _, page, _ = page_of(load)
    text = page.text
    assert text.index("Gas cylinder 气瓶 at 12.5 s") < text.index("Deduction 扣重")
    assert "Stop unloading 停止卸料" in text
    assert "c" * 64 in text


@pytest.mark.parametrize(
    "load", [LOAD, replace(LOAD, area_error=None), replace(LOAD, layers=())], ids=["whole", "uncalibrated", "empty"]
)
@pytest.mark.parametrize("weights", [WEIGHTS, None], ids=["weighed", "unweighed"])
def test_what_is_missing_is_said_and_not_invented(load, weights):
    html, page, _ = page_of(load, weights=weights)
    assert ("no weights were given" in page.text) == (weights is None)
    assert ("no interval: the model" in page.text) == (load.area_error is None)
    assert ("no interval: no layer" in page.text) == (not load.layers)
    assert ("<svg" in html) == (load.area_error is not None and bool(load.layers))
    assert "No contaminant was seen" not in page.text
    assert "None" not in page.text
