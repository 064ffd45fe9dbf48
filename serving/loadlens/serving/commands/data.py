"""`loadlens data`: the public sets we know, data sets of one's own, and rendered unloadings with their truth."""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from loadlens.serving.commands import data_corrections, data_queue, data_sets
from loadlens.serving.errors import RefusedError, WrongUseError

app = typer.Typer(rich_markup_mode=None, help="Picture sets, and rendered unloadings.")
app.command("import")(data_sets.import_)
app.command()(data_sets.check)
app.command()(data_sets.split)
app.command()(data_corrections.corrections)
app.command()(data_queue.queue)


@app.command("sets")
def sets() -> None:
    """List the public sets that our numbers rest on; no picture of them is shipped."""
    from loadlens.datasets.catalog import CATALOG  # noqa: PLC0415

    for entry in CATALOG.values():
        print(f"{entry.id:<26} {entry.pictures:>5} pictures  {entry.title}")


@app.command()
def card(set_id: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Show the card of a set: where it comes from, its licence, its faults."""
    from loadlens.datasets.catalog import UnknownSetError, card_text  # noqa: PLC0415

    try:
        print(card_text(set_id))
    except UnknownSetError as error:
        raise WrongUseError(str(error)) from error


@app.command()
def verify(
    set_id: Annotated[str, typer.Argument(metavar="ID")], folder: Annotated[Path, typer.Argument(help="The set.")]
) -> None:
    """Check that a folder holds exactly the pictures of a set."""
    from loadlens.datasets.catalog import UnknownSetError, find_set, verify_set  # noqa: PLC0415

    try:
        entry = find_set(set_id)
    except UnknownSetError as error:
        raise WrongUseError(str(error)) from error
    if not folder.is_dir():
        raise RefusedError(f"{folder}: no such folder; give the one that holds the pictures of {set_id}")
    if (difference := verify_set(entry, folder)) is not None:
        raise RefusedError(difference)
    print(f"{folder}: all {entry.pictures} pictures of {set_id}")


@app.command()
def render(
    *,
    out: Annotated[Path, typer.Option(help="The video to write, .mp4; its truth is written beside it.")],
    seed: Annotated[int, typer.Option(min=0)] = 0,
    photos: Annotated[
        Path | None, typer.Option(help="Folder of the public sets; without it surfaces are drawn.")
    ] = None,
    part: Annotated[Literal["train", "calibration", "test"], typer.Option(help="Which photos to use.")] = "test",
    seconds: Annotated[float, typer.Option(min=6)] = 40.0,
    fps: Annotated[int, typer.Option(min=1, max=60)] = 5,
    size: Annotated[str, typer.Option(metavar="WxH")] = "960x544",
) -> None:
    """Render an unloading with known truth."""
    from loadlens.datasets.errors import DataError  # noqa: PLC0415
    from loadlens.datasets.procedural import ProceduralTextures  # noqa: PLC0415
    from loadlens.datasets.textures import PhotoTextures  # noqa: PLC0415
    from loadlens.datasets.yard import ClipSpec, render_clip, truth_json, write_clip  # noqa: PLC0415

    spec = ClipSpec(seed=seed, size=_size(size), fps=fps, seconds=seconds)
    if out.suffix != ".mp4":
        raise WrongUseError(f"{out}: give a name that ends in .mp4")
    if not out.parent.is_dir():
        raise WrongUseError(f"{out.parent}: no such folder; make it first")
    try:
        clip = render_clip(spec, ProceduralTextures() if photos is None else PhotoTextures(photos, part))
    except DataError as error:
        raise RefusedError(str(error)) from error
    write_clip(clip, out)
    out.with_suffix(".truth.json").write_text(json.dumps(truth_json(clip.truth), indent=2), encoding="utf-8")
    print(f"{out} and {out.with_suffix('.truth.json')}")


def _size(text: str) -> tuple[int, int]:
    """Height, width from WxH. Raises WrongUseError; H.264 needs even sides."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise WrongUseError(f"--size {text}: write width x height in pixels, such as 960x544")
    sides = int(height), int(width)
    if any(side % 2 or not 96 <= side <= 4096 for side in sides):
        raise WrongUseError(f"--size {text}: both sides must be even and between 96 and 4096")
    return sides
