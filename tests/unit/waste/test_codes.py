"""The code lists as a person who fills in a label meets them."""

from datetime import date

import pytest

from loadlens.waste.codes import CodeError, code_list, code_lists
from loadlens.waste.search import search


def test_the_lists_are_whole_and_say_what_was_read():
    sizes = {one.id: len(one.codes) for one in code_lists().values()}
    # 467 kinds in the catalogue of 2021, 842 entries in the European list: the figures of their publishers.
    assert (sizes["hazardous-cn"], sizes["eu-low"]) == (467, 842)
    assert {one.id for one in code_lists().values() if not one.verified} == {"general-cn", "us-epa"}


@pytest.mark.parametrize(
    ("code", "hazards"),
    [
        # As listed in the catalogue of 2021; 321-034-48 is dust, and often mistaken for dross.
        ("321-023-48", {"T"}),
        ("321-024-48", {"R", "T"}),
        ("321-025-48", {"T"}),
        ("321-026-48", {"R"}),
        ("321-034-48", {"T", "R"}),
        ("900-249-08", {"T", "I"}),
        ("900-052-31", {"T", "C"}),
        ("900-041-49", {"T", "In"}),
        ("900-047-49", {"T", "C", "I", "R"}),
    ],
)
def test_hazards_of_what_a_smelter_has(code, hazards):
    entry = code_list("hazardous-cn").find(code)
    assert set(entry.hazards) == hazards
    assert entry.hazardous is True


def test_dust_is_not_dross():
    entries = code_list("hazardous-cn").codes
    assert "铝灰渣" in entries["321-024-48"].name_zh
    assert "粉尘" in entries["321-034-48"].name_zh
    assert "铝灰渣" not in entries["321-034-48"].name_zh


def test_an_exemption_comes_with_its_condition():
    (drums,) = code_list("hazardous-cn").find("900-249-08").exemptions
    assert (drums.item, drums.stage) == (8, "利用")
    assert "无滴漏" in drums.condition
    assert [one.item for one in code_list("hazardous-cn").find("321-026-48").exemptions] == [22]
    assert {one.item for one in code_list("hazardous-cn").find("900-300-34").exemptions} == {20}  # the whole of HW34
    assert code_list("hazardous-cn").find("321-023-48").exemptions == ()


def test_an_edition_knows_when_it_was_in_force():
    hazardous = code_list("hazardous-cn")
    assert not hazardous.in_force(date(2020, 12, 31))
    assert hazardous.in_force(date(2024, 12, 31))
    assert not hazardous.in_force(date(2025, 1, 1))
    assert hazardous.superseded_by == "2025"
    assert code_list("eu-low").in_force(date(2026, 12, 9))  # a change of a few entries ends no list


def test_mirror_entries_name_each_other():
    skimmings = code_list("eu-low").find("10 03 15*")
    assert skimmings.hazardous is True
    assert skimmings.mirrors == ("10 03 16",)
    other = code_list("eu-low").find("10 03 16")
    assert other.hazardous is False
    assert other.mirrors == ("10 03 15*",)
    assert code_list("eu-low").find("10 03 09*").mirrors == ()


@pytest.mark.parametrize(
    ("list_id", "code", "says"),
    [
        ("hazardous-cn", "321-24-48", "not written as"),
        ("hazardous-cn", "32102448", "not written as"),
        ("hazardous-cn", "321-024-48\n", "not written as"),
        ("hazardous-cn", "321-999-48", "has no code"),
        ("eu-low", "170405", "not written as"),
        ("eu-low", "17 04 05*", "has no code"),
    ],
)
def test_a_wrong_code_is_told_from_an_unknown_one(list_id, code, says):
    with pytest.raises(CodeError, match=says):
        code_list(list_id).find(code)


def test_an_unknown_list_is_named():
    with pytest.raises(CodeError, match="no list 'hw'; there are eu-low"):
        code_list("hw")


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("321024", "321-024-48"),
        ("321-024-48", "321-024-48"),
        ("铝灰渣", "321-024-48"),
        ("lvhuizha", "321-024-48"),
        ("大修渣", "321-023-48"),
        ("qianxudianchi", "900-052-31"),
        ("black drosses", "10 03 09*"),
        ("17 04 05", "17 04 05"),
        ("17.04.05", "17 04 05"),
        ("９００－０４１－４９", "900-041-49"),
        ("lv hui zha", "321-024-48"),
        ("LÜHUIZHA", "321-024-48"),
        ("铝 灰渣", "321-024-48"),
    ],
)
def test_search_finds_what_a_person_types(query, first):
    assert search(query)[0].code == first


def test_search_finds_by_initials_and_within_one_list():
    assert "321-024-48" in {entry.code for entry in search("lhz")}
    assert all(entry.list_id == "eu-low" for entry in search("oil", lists=["eu-low"]))
    assert {entry.code[-2:] for entry in search("HW48", limit=100)} == {"48"}
    assert search("") == []
    assert search("no such waste anywhere") == []
