"""Every fault of a mill's own file, with its line and its remedy."""

import pytest

from loadlens.grading.standard_check import check_standard

GOOD = """\
schema = "loadlens.standard/1"
id = "our-mill"
version = "3"
title = { en = "Our grades", zh = "本厂料型" }
edition = "2026"
issued = 2026-01-01
in_force = 2026-02-01

[sources]
contract = "purchase contract 2026"

[rules]
tolerance = "excess_only"
return_above_percent = { value = 8, verified = "choice", source = "contract" }
tie_order = ["heavy", "light"]
grade_order = ["heavy", "light"]

[[grade]]
code = "heavy"
name = { en = "Heavy", zh = "重废" }
verified = "choice"
source = "contract"
price_per_tonne = 2600
inclusion_limit_percent = { value = 0.5, verified = "choice", source = "contract" }

[[grade]]
code = "light"
name = { en = "Light", zh = "轻废" }
verified = "choice"
source = "contract"
info = [
    { what = "thickness", text = "< 4 mm", verified = "choice", source = "contract" },
]

[[form]]
id = "hms_1"
grade = "heavy"

[[form]]
id = "light_melting_bales"
grade = "light"
could_be = ["heavy"]
why = "what is inside a bale is not visible"

[[downgrade]]
why = "too dirty"
of = "impurity"
above_percent = { value = 2, verified = "choice", source = "contract" }
"""


def test_a_good_file_has_no_fault():
    assert check_standard(GOOD) == ()


@pytest.mark.parametrize(
    ("change", "line", "where", "problem", "remedy"),
    [
        (('version = "3"', "version = 3"), 3, "version", "3 is not text", "quotes"),
        (('id = "our-mill"', 'id = "Our Mill"'), 2, "id", "is not an id", "small letters"),
        (('id = "our-mill"\n', ""), 1, "id", "missing", "add id"),
        (("tolerance =", "tolerence ="), 13, "rules.tolerence", "unknown key", "did you mean 'tolerance'?"),
        (('"excess_only"', '"excess"'), 13, "rules.tolerance", "'excess' is not allowed", "excess_only"),
        (("value = 8", "value = 180"), 14, "rules.return_above_percent.value", "out of range", "between 0 and 100"),
        (("value = 8", "value = nan"), 14, "rules.return_above_percent.value", "not a number", "percent"),
        (("value = 8", "value = true"), 14, "rules.return_above_percent.value", "not a number", "percent"),
        (("value = 8", "value = 0.2"), 24, "grade[1].inclusion_limit_percent", "above the ceiling", "raise"),
        (('["heavy", "light"]\ngrade', '["heavy", "heavier"]\ngrade'), 15, "rules.tie_order", "no grade", "'heavy'"),
        (('["heavy", "light"]\ngrade', '["heavy", "heavy"]\ngrade'), 15, "rules.tie_order", "more than once", "one"),
        (('["heavy", "light"]\ngrade', '"heavy"\ngrade'), 15, "rules.tie_order", "not a list", "list of grade codes"),
        (('grade_order = ["heavy", "light"]\n', ""), 44, "downgrade", "no ladder", "grade_order"),
        (("2026-02-01", "2025-02-01"), 7, "in_force", "before issued", "exchange"),
        (("2026-02-01", '"2026-02-01"'), 7, "in_force", "not a date", "without quotes"),
        (('code = "light"', 'code = "heavy"'), 27, "grade[2].code", "already in line 19", "keep one"),
        (('code = "light"', 'code = "ungraded"'), 27, "grade[2].code", "kept for", "another code"),
        (("price_per_tonne = 2600", "price_per_tonne = -1"), 23, "grade[1].price_per_tonne", "not a price", "2650"),
        (("price_per_tonne = 2600", "price_per_tonne = 26e9"), 23, "grade[1].price_per_tonne", "no", "from 0 to"),
        (("price_per_tonne = 2600", "price_per_tone = 2600"), 23, "grade[1].price_per_tone", "unknown", "per_tonne"),
        (
            (
                'inclusion_limit_percent = { value = 0.5, verified = "choice", source = "contract" }',
                "inclusion_limit_percent = 0.5",
            ),
            24,
            "grade[1].inclusion_limit_percent",
            "not a figure with its source",
            "every figure says where it is from",
        ),
        (
            (
                'inclusion_limit_percent = { value = 0.5, verified = "choice", source = "contract" }',
                'inclusion_limit_percent = { value = 0.5, verified = "choice" }',
            ),
            24,
            "grade[1].inclusion_limit_percent.source",
            "missing",
            "add source",
        ),
        (
            (
                'inclusion_limit_percent = { value = 0.5, verified = "choice", source = "contract" }',
                'inclusion_limit_percent = { value = 0.5, verified = "choice", source = "contrat" }',
            ),
            24,
            "grade[1].inclusion_limit_percent.source",
            "no key of [sources]",
            "did you mean 'contract'?",
        ),
        (('zh = "轻废"', 'zh = ""'), 28, "grade[2].name.zh", "not text", "quotes"),
        (('name = { en = "Light", zh = "轻废" }', 'name = "Light"'), 28, "grade[2].name", "not a table", "en, zh"),
        (('text = "< 4 mm"', "text = 4"), 31, "grade[2].info[1].text", "not text", "quotes"),
        (('id = "hms_1"', 'id = "hms1"'), 36, "form[1].id", "no known form", "did you mean 'hms_1'?"),
        (('id = "hms_1"', 'id = ["hms_1"]'), 36, "form[1].id", "no known form", "hms_1"),
        (('id = "hms_1"', 'id = "light_melting_bales"'), 40, "form[2].id", "already in line 36", "keep one"),
        (('grade = "heavy"', 'grade = "heavi"'), 37, "form[1].grade", "no grade of this file", "'heavy'"),
        (('grade = "heavy"\n', ""), 35, "form[1].why", "missing", "why the form has no grade"),
        (('of = "impurity"', 'of = ["turning"]'), 47, "downgrade[1].of", "no known form", "'turnings'"),
        (('of = "impurity"', 'of = ["rails", "rails"]'), 47, "downgrade[1].of", "listed more than once", "one"),
        (('of = "impurity"', "of = []"), 47, "downgrade[1].of", "names nothing", "impurity"),
        (('of = "impurity"', 'of = "impurity"\nsteps = 0'), 48, "downgrade[1].steps", "steps", "whole number"),
        (('[sources]\ncontract = "purchase contract 2026"', ""), 1, "sources", "missing", "add sources"),
        (('code = "heavy"', 'code = "heavy'), 19, "file", "not valid TOML", "mend this line"),
        (("[rules]", "[grade]"), 18, "file", "not valid TOML", "mend this line"),
    ],
)
def test_a_fault_is_named_with_its_line_and_its_remedy(change, line, where, problem, remedy):
    right, wrong = change
    assert right in GOOD
    faults = check_standard(GOOD.replace(right, wrong, 1))
    matching = [fault for fault in faults if fault.where == where]
    assert matching, f"no fault at {where}: {[str(fault) for fault in faults]}"
    assert matching[0].line == line
    assert problem in matching[0].problem
    assert remedy in matching[0].remedy


def test_every_fault_is_named_not_only_the_first():
    text = (
        GOOD.replace('version = "3"', "version = 3").replace('"hms_1"', '"hms1"').replace("value = 2,", "value = -2,")
    )
    assert [fault.where for fault in check_standard(text)] == [
        "version",
        "form[1].id",
        "downgrade[1].above_percent.value",
    ]


def test_a_site_may_name_its_own_forms():
    text = GOOD.replace('"hms_1"', '"ship_plate"')
    assert check_standard(text)
    assert check_standard(text, forms=["ship_plate", "light_melting_bales"]) == ()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a = 1",
        "[[grade]]",
        "grade = 3",
        "form = []",
        'title = "x"',
        "rules = [1]",
        "a = " + "9" * 5000,
        "a = " + "[" * 9000,
    ],
)
def test_a_file_that_is_hardly_a_standard_is_explained_not_crashed_on(text):
    assert all(fault.remedy for fault in check_standard(text))
    assert check_standard(text)


def test_the_mark_that_some_editors_put_first_is_named():
    (fault,) = check_standard("\ufeff" + GOOD)
    assert (fault.line, fault.problem) == (1, "begins with a byte order mark")
    assert "without BOM" in fault.remedy


def test_lines_are_right_after_multi_line_strings_and_lists():
    text = GOOD.replace('edition = "2026"', 'edition = "2026"\nnote = """one [\ntwo = 2\n"""').replace(
        '["heavy", "light"]\ngrade', '[\n  "heavy", # [\n  "light",\n]\ngrade'
    )
    faults = check_standard(text.replace('grade = "heavy"', 'grade = "heavi"'))
    assert [(fault.line, fault.where) for fault in faults] == [(43, "form[1].grade")]
