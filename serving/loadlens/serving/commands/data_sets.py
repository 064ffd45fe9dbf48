"""`loadlens data import`, `check` and `split`: labelled pictures become a data set, checked and split without leaks."""

import json
import sys
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from loadlens.serving.commands.choices import ModelPath
from loadlens.serving.commands.training import run_training
from loadlens.serving.errors import RefusedError, WrongUseError

if TYPE_CHECKING:
    from loadlens.datasets.importing import Imported

_SHOWN = 20


class Whole(StrEnum):
    """What a split may keep whole besides scenes."""

    SOURCE = "source"
    SITE = "site"
    DAY = "day"


def import_(
    form: Annotated[
        Literal["folders", "csv", "coco", "yolo", "voc", "label-studio", "cvat"],
        typer.Argument(metavar="FORMAT", help="folders (one per class), csv, coco, yolo, voc, label-studio or cvat."),
    ],
    path: Annotated[Path, typer.Argument(metavar="SOURCE", help="The folder, the label file, or a .zip of them.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder of the data set.")],
    classes: Annotated[
        Path | None,
        typer.Option(help='TOML table [classes]: their label = our class id, or "" to leave it out.'),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Where the pictures are, if not beside the labels (coco, label-studio, cvat).")
    ] = None,
    label_column: Annotated[str, typer.Option(help="The column of a CSV that holds the label.")] = "label",
    source: Annotated[str, typer.Option(help="Where the pictures come from, where the labels do not say.")] = "",
    site: Annotated[str, typer.Option(help="The yard, where the labels do not say.")] = "",
    day: Annotated[str, typer.Option(help="The day, YYYY-MM-DD, where the labels do not say.")] = "",
    part: Annotated[
        Literal["", "train", "calibration", "test"], typer.Option(help="The part of a split that was made elsewhere.")
    ] = "",
    add: Annotated[bool, typer.Option("--add", help="Add to the data set that is there.")] = False,
    leave_out_unreadable: Annotated[
        bool, typer.Option("--leave-out-unreadable", help="Leave out pictures that cannot be read, and name them.")
    ] = False,
) -> None:
    """Bring labelled pictures into a data set. What is refused leaves the data set as it was."""
    from loadlens.datasets.errors import DataError  # noqa: PLC0415
    from loadlens.datasets.importing import ImportOptions, import_pictures  # noqa: PLC0415

    options = ImportOptions(
        pictures=pictures,
        classes=classes,
        label_column=label_column,
        said={"source": source, "site": site, "day": _day(day), "part": part},
        leave_out_unreadable=leave_out_unreadable,
        add=add,
    )
    try:
        done = import_pictures(form, path, out, options)
    except DataError as error:
        raise RefusedError(str(error)) from error
    _tell(done, out)


def check(
    folder: Annotated[Path, typer.Argument(help="Folder of a data set.")],
    out: Annotated[Path | None, typer.Option(help="The page to write; default: FOLDER-check.html.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
    model: ModelPath = None,
) -> None:
    """Find near-duplicates, leaks between parts, likely wrong labels and lonely classes; writes a page."""
    page = out or folder.parent / f"{folder.name}-check.html"
    found = run_training("data_commands", "check", folder, page, model)
    if as_json:
        print(json.dumps(found, ensure_ascii=False))
        return
    lonely = [name for name, balance in found["classes"].items() if balance["scenes"] < 2]
    print(f"pictures           {found['pictures']} of {len(found['classes'])} classes")
    print(f"likely wrong       {len(found['likely_wrong'])} of {found['judged']} judged")
    print(f"clashing labels    {len(found['one_scene_several_labels'])} scenes")
    print(f"leaks              {len(found['leaks_between_parts'])} scenes in several parts")
    print(f"several pictures   {len(found['scenes_of_several_pictures'])} scenes")
    print(f"one scene only     {', '.join(lonely) or 'no class'}")
    print(f"page               {page}")


def split(
    folder: Annotated[Path, typer.Argument(help="Folder of a data set.")],
    *,
    by: Annotated[
        list[Whole] | None,
        typer.Option(help="Keep these whole too, besides scenes; may be given several times."),
    ] = None,
    train: Annotated[float, typer.Option(min=0, max=1, help="Share to train on.")] = 0.6,
    calibration: Annotated[float, typer.Option(min=0, max=1, help="Share to calibrate on.")] = 0.2,
    test: Annotated[float, typer.Option(min=0, max=1, help="Share to measure on.")] = 0.2,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    allow_unmeasured: Annotated[
        bool, typer.Option("--allow-unmeasured", help="Only train on classes that cannot be measured.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the split as JSON.")] = False,
    model: ModelPath = None,
) -> None:
    """Put whole scenes (sources, sites, days) into train, calibration and test; writes the parts into the manifest."""
    shares = (train, calibration, test)
    asked = {"allow_unmeasured": allow_unmeasured, "model": model}
    done = run_training("data_commands", "split", folder, [key.value for key in by or []], shares, seed, **asked)
    if as_json:
        print(json.dumps(done, ensure_ascii=False))
        return
    print(f"{folder}: digest {done['digest'][:16]}")
    print(f"{'class':<24} {'scenes':>7} {'train':>7} {'calibr.':>7} {'test':>7}")
    for name, balance in done["classes"].items():
        counts = [balance["parts"].get(part, 0) for part in ("train", "calibration", "test")]
        print(f"{name:<24} {balance['scenes']:>7} " + " ".join(f"{count:>7}" for count in counts))
    if done["unmeasured"]:
        print(f"trained on but never measured: {', '.join(done['unmeasured'])}", file=sys.stderr)
    if done["replaced"]:
        print(f"{done['replaced']} pictures had a part before; it was replaced", file=sys.stderr)


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat() if text else ""
    except ValueError:
        raise WrongUseError(f"--day {text}: write it YYYY-MM-DD") from None


def _tell(done: "Imported", out: Path) -> None:
    from loadlens.datasets.importing import class_counts  # noqa: PLC0415

    print(f"{out}: {done.new} new pictures, {len(done.manifest.samples)} in all; digest {done.manifest.digest[:16]}")
    for name, count in class_counts(done.manifest.samples.values()).items():
        alone = "  alone: a class that is trained on and measured needs pictures of two scenes" if count == 1 else ""
        print(f"  {count:>6} {name}{alone}")
    empty = sum(not sample.labels for sample in done.manifest.samples.values())
    notes = {
        "pictures show nothing that is labelled": empty,
        "pictures are named by no label": done.unlabelled,
        "pictures left out, since the mapping leaves out every label of theirs": done.left_out_by_class,
        "pictures left out, since they cannot be read": len(done.unreadable),
    }
    for note, count in notes.items():
        if count:
            print(f"{count} {note}", file=sys.stderr)
    for fault in done.unreadable[:_SHOWN]:
        print(f"  {fault}", file=sys.stderr)
    for duplicate in done.duplicates:
        kept = "the first is kept" if duplicate.labels_agree else "labelled differently, so all are left out"
        print(f"the same picture, {kept}: {', '.join(map(str, duplicate.paths))}", file=sys.stderr)
