"""`loadlens ticket`: the settlement sheet of a load from a site's records, to print or to pass on."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from loadlens.serving.commands.evidence import Data, site_of
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import RefusedError, WrongUseError


def ticket(
    load: Annotated[str, typer.Argument(help="Id of a load.")],
    *,
    out: Annotated[Path, typer.Option(help="The file to write: .pdf to print, .json for programs.")],
    number: Annotated[int | None, typer.Option(min=1, help="Which of its tickets; default: the newest.")] = None,
    paper: Annotated[Literal["a4", "80mm"], typer.Option(help="The paper of a PDF.")] = "a4",
    lang: Annotated[Literal["en", "zh"], typer.Option(help="The language of a PDF.")] = "en",
    settings_file: SettingsFile = None,
    data: Data = None,
) -> None:
    """Write the ticket of a settled load. The PDF's code opens the supplier's page: give it to nobody else."""
    if out.suffix not in (".pdf", ".json"):
        raise WrongUseError(f"{out}: give a name that ends in .pdf or .json")
    if not out.parent.is_dir():
        raise WrongUseError(f"{out.parent} is no folder; make it first, or give another --out")
    if out.exists():
        raise WrongUseError(f"{out} is there already; give another --out")
    from loadlens.serving.load_errors import LoadError  # noqa: PLC0415
    from loadlens.serving.loads import Loads  # noqa: PLC0415
    from loadlens.serving.records import loads, tickets  # noqa: PLC0415
    from loadlens.serving.seal import open_seal  # noqa: PLC0415
    from loadlens.serving.sheet.printing import print_ticket  # noqa: PLC0415
    from loadlens.serving.store.journal import sealed  # noqa: PLC0415

    with site_of(settings_file, data) as (settings, engine, blobs):
        # The link to the supplier's page is made with the site's own key.
        engine_of_site = sealed(engine, open_seal(settings))
        records = Loads(engine_of_site, blobs, settings.standard, settings.frames_before_load_s)
        try:
            with records.reading() as session:
                found = loads.find(session, load)
                if out.suffix == ".json":
                    made = tickets.numbered(session, load, number).body.encode()
                else:
                    made = print_ticket(session, records, settings, found, number, paper=paper, lang=lang)
        except LoadError as error:
            raise RefusedError(str(error)) from error
    part = out.with_name(f"{out.name}.part")
    part.write_bytes(made)
    part.replace(out)
    print(out)
