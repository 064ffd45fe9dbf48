"""`loadlens grade`: a video, a folder of frames or a stream becomes a grade, a deduction and a report."""

import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loadlens.grading.quantity import Mass
from loadlens.grading.standard import DEFAULT_STANDARD, Standard
from loadlens.serving.commands.choices import ModelPath, find_standard
from loadlens.serving.errors import WrongUseError, told_plainly

if TYPE_CHECKING:
    from loadlens.grading.assessment import LoadAssessment
    from loadlens.grading.calibration import SiteCalibration
    from loadlens.grading.weighing import Weights
    from loadlens.vision.model import SurfaceModel
    from loadlens.vision.observed import Observed

HAZARD_FOUND = 4


def grade(
    source: Annotated[str, typer.Argument(help="A video, a folder of frames, or an rtsp/http URL (Ctrl-C ends it).")],
    *,
    standard: Annotated[str, typer.Option(help="Id of a shipped standard, or a .toml file.")] = DEFAULT_STANDARD,
    declared: Annotated[str | None, typer.Option(help="The grade that the supplier names.")] = None,
    gross: Annotated[str | None, typer.Option(help="Weight of the loaded truck, kg.")] = None,
    tare: Annotated[str | None, typer.Option(help="Weight of the empty truck, kg.")] = None,
    division: Annotated[str | None, typer.Option(help="Interval of the scale, kg.")] = None,
    bed: Annotated[str | None, typer.Option(metavar="X,Y,W,H", help="The truck bed in pixels of the frames.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for report.json, report.html and overlays.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    model: ModelPath = None,
    calibration: Annotated[
        Path | None, typer.Option(help="What tickets of the site taught (`loadlens train RECIPE --tickets`); recorded.")
    ] = None,
) -> int:
    """Grade one load, watched by one camera."""
    with told_plainly():
        chosen = find_standard(standard)
        weights = _weights(gross, tare, division)
        site = _calibration(calibration)
        if out is not None:
            from loadlens.serving.folders import check_out  # noqa: PLC0415

            check_out(out)
        observed = _observe(source, bed, model, partial(_check, site, chosen))
        assessment = _assess(observed, chosen, weights, declared, site)
    report = assessment.to_report()
    if out is not None:
        from loadlens.serving.report_folder import write_report  # noqa: PLC0415

        write_report(out, report, observed, chosen)
    print(json.dumps(report, ensure_ascii=False, indent=2) if as_json else summary(report, out))
    return HAZARD_FOUND if assessment.decision == "stop" else 0


def _weights(gross: str | None, tare: str | None, division: str | None) -> "Weights | None":
    from loadlens.grading.weighing import Weights  # noqa: PLC0415

    if gross is None and tare is None and division is None:
        return None
    if gross is None or tare is None:
        raise WrongUseError("give both --gross and --tare, or neither of them and no --division")
    return Weights(Mass(gross), Mass(tare), None if division is None else Mass(division))


def _observe(source: str, bed: str | None, model: Path | None, check: Callable[["SurfaceModel"], None]) -> "Observed":
    from loadlens.serving.progress import Watched  # noqa: PLC0415
    from loadlens.vision.bed import Bed  # noqa: PLC0415
    from loadlens.vision.frame import Frame  # noqa: PLC0415
    from loadlens.vision.model import load_model  # noqa: PLC0415
    from loadlens.vision.pipeline import observe_source  # noqa: PLC0415
    from loadlens.vision.video import source_name  # noqa: PLC0415

    given = None if bed is None else Bed.parse(bed)
    is_stream = "://" in source
    load_id = "" if is_stream else source_name(Path(Path(source).stem))
    with Watched("loading the model") as watched, _ended_by_hand(is_stream=is_stream) as ended:

        def show(frame: Frame) -> None:
            watched.at(frame.time_s, f"watched {frame.time_s:.0f} s")

        eye = load_model(model)
        check(eye)
        return observe_source(source, eye, bed=given, load_id=load_id, progress=show, ended=ended)


def _check(site: "SiteCalibration | None", standard: Standard, eye: "SurfaceModel") -> None:
    """Refuse a calibration that is not for what this model will see before it has watched a whole unloading."""
    from loadlens.grading.composition import check_calibration  # noqa: PLC0415
    from loadlens.vision.pipeline import Unloading  # noqa: PLC0415

    check_calibration(site, Unloading(eye).finish().observation, standard)


@contextmanager
def _ended_by_hand(*, is_stream: bool) -> Iterator[Callable[[], bool]]:
    """Whether a person has ended the watching. A stream may have no end: the first Ctrl-C ends the unloading, which is
    then graded, and a second one the command."""
    asked = False

    def end(*_: object) -> None:
        nonlocal asked
        asked = True
        signal.signal(signal.SIGINT, before)
        print("loadlens: the unloading has ended; it is graded now", file=sys.stderr)

    before = signal.getsignal(signal.SIGINT)
    if is_stream:
        signal.signal(signal.SIGINT, end)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)


def _calibration(path: Path | None) -> "SiteCalibration | None":
    from loadlens.grading.calibration import load_calibration  # noqa: PLC0415

    return None if path is None else load_calibration(path)


def _assess(
    observed: "Observed",
    standard: Standard,
    weights: "Weights | None",
    declared: str | None,
    calibration: "SiteCalibration | None",
) -> "LoadAssessment":
    from loadlens.grading.assessment import assess_load  # noqa: PLC0415

    return assess_load(observed.observation, standard, weights=weights, declared=declared, calibration=calibration)


def summary(report: dict[str, Any], out: Path | None) -> str:
    """The report in a few lines for a terminal."""
    truck = report["truck"]
    lines = [
        *(
            f"HAZARD      {hazard['class'].replace('_', ' ')} at {hazard['frame_s']:.1f} s"
            for hazard in truck["hazards"]
        ),
        f"grade       {truck['grade'] or 'none'}",
        f"deduction   {deduction_line(truck['deduction'])}",
    ]
    if truck["settlement_kg"] is not None:
        lines.append(f"settlement  {_kilograms(truck['settlement_kg'])} of {_kilograms(truck['net_kg'])} net")
    lines.append(f"decision    {truck['decision']}")
    lines += [f"  {flag['level']:<7} {flag['why']}" for flag in truck["flags"] if flag["level"] != "info"]
    if out is not None:
        from loadlens.vision.video import source_name  # noqa: PLC0415

        lines.append(f"report      {source_name(out / 'report.html')}")
    return "\n".join(lines)


def deduction_line(deduction: dict[str, Any]) -> str:
    """The deduction with its interval, in kg where there are weights."""
    percent = f"{deduction['percent_of_net']:.2f} %"
    if deduction["kg"] is not None:
        low, high = deduction["kg_low"], deduction["kg_high"]
        reach = "" if low is None else f", {_kilograms(low)} to {_kilograms(high)}"
        return f"{_kilograms(deduction['kg'])} ({percent} of net{reach})"
    low, high = deduction["percent_low"], deduction["percent_high"]
    return f"{percent} of net" + ("" if low is None else f" ({low:.2f} to {high:.2f} %)")


def _kilograms(mass: float) -> str:
    """To the gram, without zeros that say nothing."""
    return f"{mass:.3f}".rstrip("0").rstrip(".") + " kg"
