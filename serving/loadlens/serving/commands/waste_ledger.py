"""`loadlens waste export` and `import`: the ledger of a data folder as files, and back."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer

from loadlens.serving.commands.evidence import site_of
from loadlens.serving.commands.keys import DataFolder, operator, sealed_database
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import RefusedError, WrongUseError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from loadlens.serving.records.waste_import import Imported


def export(
    *,
    out: Annotated[Path, typer.Option(help="The file to write (a folder, for CSV); made anew.")],
    kind: Annotated[Literal["xlsx", "csv"], typer.Option("--format", help="One workbook, or a CSV file a table.")] = (
        "xlsx"
    ),
    settings_file: SettingsFile = None,
    data: DataFolder = None,
) -> None:
    """Write the ledger: the five stages of HJ 1259, balances, stock, and what `waste import` reads."""
    from loadlens.serving.store.database import read_session  # noqa: PLC0415

    with _whole(out) as made, sealed_database(settings_file, data) as (_, engine), read_session(engine) as session:
        _write(session, made, kind)
    print(out)


def report(
    *,
    begin: Annotated[str, typer.Option("--from", metavar="TIME", help="The first moment, as 2026-01-01T00:00+08:00.")],
    end: Annotated[str, typer.Option("--to", metavar="TIME", help="The moment behind the last.")],
    out: Annotated[Path, typer.Option(help="The workbook to write; made anew.")],
    settings_file: SettingsFile = None,
    data: DataFolder = None,
) -> None:
    """Write the report of a period, and the CO2e that recovery is estimated to have avoided by the site's factors."""
    from loadlens.serving.records.waste_report import recovered_of, recovered_table  # noqa: PLC0415
    from loadlens.serving.records.waste_report import report as report_of  # noqa: PLC0415
    from loadlens.serving.store.database import read_session  # noqa: PLC0415
    from loadlens.waste.workbook import write_xlsx  # noqa: PLC0415

    try:
        first, last = datetime.fromisoformat(begin), datetime.fromisoformat(end)
    except ValueError as error:
        raise WrongUseError(f"a time is written as 2026-01-01T00:00+08:00: {error}") from error
    if first.tzinfo is None or last.tzinfo is None or first >= last:
        raise WrongUseError("--from and --to need an offset, as +08:00, and --to must lie behind --from")
    with _whole(out) as made:
        with site_of(settings_file, data) as (settings, engine, _), read_session(engine) as session:
            table = report_of(session, first, last)
            found = recovered_of(table, settings.avoided_co2e)
        with made.open("wb") as file:
            write_xlsx([table, recovered_table(found)], file)
    print(out)


def import_(
    file: Annotated[Path, typer.Argument(metavar="XLSX", help="A workbook as `waste export` writes it.")],
    *,
    settings_file: SettingsFile = None,
    data: DataFolder = None,
) -> None:
    """Take over a ledger: all of it, or nothing, with every row that is wrong and why."""
    from loadlens.serving.records.waste_import import import_ledger  # noqa: PLC0415

    _take_over(file, settings_file, data, lambda session, held: import_ledger(session, held, actor=operator()))


def import_stages(
    file: Annotated[Path, typer.Argument(metavar="XLSX", help="A workbook with the five stage tables of HJ 1259.")],
    *,
    unit: Annotated[str, typer.Option(help="Whose waste it is: the unified social credit code.")],
    litres: Annotated[str, typer.Option(help="The volume of every container, in litres.")],
    offset: Annotated[str, typer.Option(metavar="+HH:MM", help="The offset from UTC of times that have none.")],
    settings_file: SettingsFile = None,
    data: DataFolder = None,
) -> None:
    """Take over a ledger that was kept elsewhere: all of it, or nothing, with every row that is wrong and why."""
    from loadlens.grading.quantity import QuantityError, decimal_of  # noqa: PLC0415
    from loadlens.serving.records.waste_stage_import import Origin, import_stages  # noqa: PLC0415

    try:
        clock = datetime.fromisoformat(f"2000-01-01T00:00{offset}").tzinfo
        origin = Origin(unit, decimal_of(litres), clock or UTC)
    except (ValueError, QuantityError) as error:
        raise WrongUseError(f"--litres is a number and --offset is written as +08:00: {error}") from error
    _take_over(file, settings_file, data, lambda session, held: import_stages(session, held, origin, actor=operator()))


def _take_over(
    file: Path, settings_file: Path | None, data: Path | None, take: Callable[["Session", bytes], "Imported"]
) -> None:
    from loadlens.serving.records.waste_import import ImportRefusedError  # noqa: PLC0415
    from loadlens.serving.sentences import fault_told  # noqa: PLC0415
    from loadlens.serving.store.database import write_session  # noqa: PLC0415

    try:
        held = file.read_bytes()
    except OSError as error:
        raise RefusedError(f"{file}: cannot be read ({error.strerror}); check the path") from error
    try:
        with sealed_database(settings_file, data) as (_, engine), write_session(engine) as session:
            done = take(session, held)
    except ImportRefusedError as error:
        faults = (f"{one} / {fault_told(one, 'zh')}" for one in error.faults)
        raise RefusedError("\n".join(["nothing was imported 未导入任何内容:", *faults])) from error
    print(f"{done.containers} containers and {done.entries} entries are in the ledger")


@contextmanager
def _whole(out: Path) -> Iterator[Path]:
    """Where to write what becomes `out` once it is whole. Raises WrongUseError, RefusedError."""
    from loadlens.waste.workbook import WorkbookError  # noqa: PLC0415

    if out.exists():
        raise WrongUseError(f"{out} exists; give another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
        made = Path(beside, "new")
        try:
            yield made
        except WorkbookError as error:
            raise RefusedError(str(error)) from error
        made.rename(out)


def _write(session: "Session", made: Path, kind: str) -> None:
    from loadlens.serving.records.waste_export import tables  # noqa: PLC0415
    from loadlens.waste.workbook import write_csv, write_xlsx  # noqa: PLC0415

    if kind == "xlsx":
        with made.open("wb") as whole:
            write_xlsx(tables(session), whole)
        return
    made.mkdir()
    for table in tables(session):
        file: IO[bytes]
        with (made / f"{table.name}.csv").open("wb") as file:
            write_csv(table, file)
