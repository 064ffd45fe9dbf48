"""Two runs compare only on the same photos, and a difference that chance can make is called so."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from loadlens.serving.cli import main
from loadlens.training.answers import Answer, EvaluationError, to_plain
from loadlens.training.compare import compare_answers
from loadlens.vision.proportion import proportion

FORMS = ("hms_1", "shredded", "turnings", "rails")


def run(right, *, photos=120, per_scene=4, seed=0):
    """A run that is right with a chance of `right`; photos of a scene are right or wrong together."""
    rng = np.random.default_rng(seed)
    answers = []
    for number in range(photos):
        scene = number // per_scene
        true = FORMS[scene % 4]
        luck = np.random.default_rng([seed, scene]).random()
        said = true if luck < right else FORMS[(scene + 1) % 4]
        answers.append(Answer(f"{number:064x}", str(scene), true, said, float(rng.uniform(0.5, 1)), False))
    return answers


def test_a_better_run_is_shown_to_be_better_on_the_same_photos():
    found = compare_answers(run(0.4), run(0.9))
    accuracy = found.figures["form_accuracy"]
    assert (found.photos, found.scenes) == (120, 30)
    assert accuracy.difference.value == pytest.approx(accuracy.second - accuracy.first)
    assert 0 < accuracy.difference.low < accuracy.difference.value < accuracy.difference.high
    assert accuracy.shown and accuracy.difference.n == 120


def test_a_run_differs_from_itself_by_nothing():
    for one in compare_answers(run(0.7), run(0.7)).figures.values():
        assert one.difference.value == one.difference.low == one.difference.high == 0
        assert not one.shown


def test_photos_of_one_scene_are_drawn_together_so_few_scenes_prove_little():
    few, many = (
        compare_answers(run(0.5, per_scene=size, seed=3), run(0.8, per_scene=size, seed=3)).figures["form_accuracy"]
        for size in (40, 1)
    )
    assert not few.shown and many.shown


def test_wrong_within_the_family_costs_less():
    first = [replace(one, said="hms_80_20") if one.true == "hms_1" else one for one in run(1.0)]
    second = [replace(one, said="shredded") if one.true == "hms_1" else one for one in run(1.0)]
    figures = compare_answers(first, second).figures
    assert figures["form_accuracy"].difference.value == 0
    assert figures["family_accuracy"].difference.value < 0


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda answers: answers[1:], r"different photos \(1 only in the first, 0 only in the second, 119 in both\)"),
        (lambda answers: [replace(answers[0], true="rails"), *answers[1:]], "1 photos, such as 000000000000"),
        (lambda answers: [replace(answers[0], scene="x"), *answers[1:]], "another label or scene"),
    ],
)
def test_runs_on_other_photos_are_refused(change, why):
    with pytest.raises(EvaluationError, match=why):
        compare_answers(run(0.5), change(run(0.5)))


def test_the_command_reads_a_run_folder_or_a_file_and_refuses_what_is_no_evaluation(tmp_path, capsys):
    (tmp_path / "a").mkdir()
    held = {name: asdict(proportion(18, 20)) for name in ("hazard_load_alarmed", "interval_coverage")}
    lost = held | {"hazard_load_alarmed": asdict(proportion(17, 20))}
    (tmp_path / "a" / "evaluation.json").write_text(json.dumps({"photos": to_plain(run(0.4)), "metrics": lost}))
    better = {"photos": to_plain(reversed(run(0.9))), "metrics": held}
    (tmp_path / "b.json").write_text(json.dumps(better))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b.json")]) == 0
    said = capsys.readouterr().out
    assert "the same 120 photos of 30 scenes" in said and "form_accuracy" in said
    assert "nothing speaks against the second" in said
    assert main(["compare", str(tmp_path / "b.json"), str(tmp_path / "a")]) == 0
    said = capsys.readouterr().out
    assert "against the second: form_accuracy" in said
    assert "against the second: hazard_load_alarmed is 85.0% of 20, and 90.0% of 20 before" in said
    fewer = {name: asdict(proportion(10, 10)) for name in held}
    leaked = {"photos": to_plain(run(0.9)), "metrics": fewer, "doubts": ["It may have seen them."]}
    (tmp_path / "b.json").write_text(json.dumps(leaked))
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b.json")]) == 0
    said = capsys.readouterr().out
    assert "against the second: interval_coverage was measured on 10 loads, on 20 before; evaluate both" in said
    assert "against the second: It may have seen them." in said
    for content in ("[]", '{"photos": [{"sha256": 1}]}', '{"photos": []}', "not JSON"):
        (tmp_path / "b.json").write_text(content)
        assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b.json")]) == 3
        assert "b.json" in capsys.readouterr().err
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "none.json")]) == 3
