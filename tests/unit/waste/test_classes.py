"""The candidate codes of what a photo shows, as a person in a store room reads them."""

import pytest

from loadlens.waste.classes import ClassError, read_classes, waste_classes
from loadlens.waste.codes import code_lists

# The waste classes of the design, and those of a smelter's store rooms that no public photos show.
CLASSES = {
    "paper_cardboard", "plastic", "metal", "glass", "wood", "textile", "organic", "beverage_carton", "battery",
    "ewaste", "other_trash", "gas_cylinder", "drum", "cable", "dross_like",
}  # fmt: skip

CHINESE = '[zh]\nif = "若"\nwhat = "什么"\n'


def test_every_class_has_candidates_of_known_lists():
    assert set(waste_classes()) == CLASSES
    for one in waste_classes().values():
        assert one.candidates, one.id
        assert {candidate.code.list_id for candidate in one.candidates} <= set(code_lists())
        assert len({candidate.code.code for candidate in one.candidates}) == len(one.candidates), one.id
    used = {candidate.code.list_id for one in waste_classes().values() for candidate in one.candidates}
    assert used == set(code_lists())


def test_an_oil_drum_is_a_question_and_says_what_is_doubtful():
    oil = next(one for one in waste_classes()["drum"].candidates if one.code.code == "900-249-08")
    assert oil.to_plain() == {"list": "hazardous-cn", "code": "900-249-08", "why": oil.said, "why_zh": oil.said_zh}
    assert oil.said.startswith("could be 900-249-08 if it held oil: ask what it held")
    assert "superseded by 2025 on 2025-01-01" in oil.said
    assert oil.said_zh.startswith(
        "若盛装过油，可能是 900-249-08；请问清：盛装过什么，是否已沥净（2021 版自 2025-01-01 起由"
    )
    unread = [one for kind in waste_classes().values() for one in kind.candidates if not one.code.verified]
    assert unread
    assert all("was not read" in one.said for one in unread)


def test_what_may_be_hazardous_stands_first():
    for kind in waste_classes().values():
        hazardous = [one.code.hazardous is True for one in kind.candidates]
        assert hazardous == sorted(hazardous, reverse=True), kind.id


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('list = "eu-low"\ncode = "15 01 99"', "x: eu-low, edition 2014/955/EU, has no code 15 01 99"),
        ('list = "hw"\ncode = "15 01 01"', "x: there is no list 'hw'"),
        ('list = "eu-low"\ncode = "15 01 01"\nsure = true', "x: a candidate has exactly"),
    ],
)
def test_a_file_with_a_code_that_does_not_exist_is_refused(tmp_path, line, says):
    head = '[[class]]\nid = "x"\nname = { en = "X", zh = "X" }\nlooks_like = "x"\n[[class.codes]]\n'
    file = tmp_path / "classes.toml"
    file.write_text(f'{CHINESE}{head}{line}\nwhy = "if"\nask = "what"\n', encoding="utf-8")
    with pytest.raises(ClassError, match=says):
        read_classes(file)


def test_a_danger_that_passes_for_no_known_class_is_refused(tmp_path):
    file = tmp_path / "classes.toml"
    file.write_text(
        f'{CHINESE}[[class]]\nid = "x"\nname = {{ en = "X", zh = "X" }}\nlooks_like = "x"\nmistaken_for = ["y"]\n'
        '[[class.codes]]\nlist = "eu-low"\ncode = "15 01 04"\nwhy = "if"\nask = "what"\n',
        encoding="utf-8",
    )
    with pytest.raises(ClassError, match="x is mistaken for y, which is no class here"):
        read_classes(file)
