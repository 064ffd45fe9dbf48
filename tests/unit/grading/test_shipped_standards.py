"""The standards that come with the package."""

from datetime import date
from importlib import resources

import pytest

from loadlens.grading.standard import StandardError, Verified, list_standards, load_standard
from loadlens.grading.standard_check import check_standard, known_forms
from loadlens.vision.taxonomy import load_taxonomy

IDS = (
    "eu-27",
    "example-mill",
    "gbt-39733-2020",
    "gbt-39733-2024",
    "gbt-4223",
    "japan",
    "rema-aluminium",
    "rema-ferrous",
)


def test_these_are_shipped():
    assert tuple(standard.id for standard in list_standards()) == IDS


@pytest.mark.parametrize("standard_id", IDS)
def test_a_shipped_standard_has_no_fault_and_an_identity(standard_id):
    text = (resources.files("loadlens.grading") / "standards" / f"{standard_id}.toml").read_text(encoding="utf-8")
    assert check_standard(text, forms=load_taxonomy().ids("form")) == ()
    standard = load_standard(standard_id)
    assert standard.id == standard_id
    assert len(standard.sha256) == 64


@pytest.mark.parametrize("standard_id", IDS)
def test_a_shipped_standard_speaks_of_every_form_or_says_why_not(standard_id):
    standard = load_standard(standard_id)
    assert {rule.form for rule in standard.forms} == set(load_taxonomy().ids("form"))
    assert all(rule.why for rule in standard.forms if rule.grade is None or rule.could_be)


def test_grading_knows_the_forms_of_the_taxonomy():
    assert known_forms() == set(load_taxonomy().ids("form"))


@pytest.mark.parametrize("standard_id", IDS)
def test_a_form_becomes_a_grade_that_somebody_has_read_unless_it_is_said(standard_id):
    standard = load_standard(standard_id)
    grades = {rule.grade for rule in standard.forms if rule.grade}
    unread = {code for code in grades if standard.grade(code).verified == "unverified"}
    assert unread == ({"211"} if standard_id == "rema-ferrous" else set())


def test_the_limits_of_2024_are_carried_from_2020_and_decide_nothing():
    new, old = load_standard("gbt-39733-2024"), load_standard("gbt-39733-2020")
    for grade in new.grades:
        if grade.inclusion_limit is None:
            assert grade.code == "LRS304"
            continue
        assert not new.decides(grade.inclusion_limit)
        if grade.code != "LRS":
            assert old.inclusion_limit(grade.code).value == grade.inclusion_limit.value
        assert old.decides(old.inclusion_limit(grade.code))


def test_the_2020_edition_gave_way_to_2024():
    new, old = load_standard("gbt-39733-2024"), load_standard("gbt-39733-2020")
    assert (new.issued, new.in_force, new.superseded) == (date(2024, 11, 28), date(2025, 6, 1), None)
    assert old.superseded == new.in_force


@pytest.mark.parametrize(
    ("standard_id", "code", "percent", "verified"),
    [
        ("gbt-39733-2020", "HRS101", "0.8", "secondary"),
        ("gbt-39733-2020", "HRS102", "0.3", "secondary"),
        ("gbt-39733-2020", "SRS403", "1.0", "secondary"),
        ("gbt-39733-2020", "BRS502", "0.8", "secondary"),
        ("gbt-4223", "201A", "0.5", "secondary"),
        ("eu-27", "E3", "1.0", "secondary"),
        ("eu-27", "E1", "1.5", "secondary"),
        ("eu-27", "E40", "0.4", "unverified"),
    ],
)
def test_a_limit_is_what_its_source_says(standard_id, code, percent, verified: Verified):
    limit = load_standard(standard_id).inclusion_limit(code)
    assert (str(limit.value), limit.verified) == (percent, verified)


def test_a_standard_that_is_not_shipped_is_refused_with_the_choice():
    with pytest.raises(StandardError, match=r"no standard 'gb'; give one of eu-27, .* or the path of a \.toml file"):
        load_standard("gb")


def test_a_mill_loads_its_own_file(tmp_path):
    own = tmp_path / "ours.toml"
    text = (resources.files("loadlens.grading") / "standards" / "example-mill.toml").read_text(encoding="utf-8")
    own.write_text(text.replace('id = "example-mill"', 'id = "ours"'), encoding="utf-8")
    assert load_standard(own).id == load_standard(str(own)).id == "ours"


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path):
    with pytest.raises(StandardError, match="cannot read the standard"):
        load_standard(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(StandardError, match="save it as UTF-8"):
        load_standard(tmp_path / "binary.toml")


def test_a_faulty_file_is_refused_with_all_its_faults(tmp_path):
    (tmp_path / "bad.toml").write_text('schema = "loadlens.standard/1"\nid = 7\n', encoding="utf-8")
    with pytest.raises(StandardError, match=r"bad\.toml: line 1: .* \(and \d+ more") as refused:
        load_standard(tmp_path / "bad.toml")
    assert len(refused.value.faults) > 3
