"""`loadlens keys`: the keys of machines, offline on the database; a running server knows them at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from getpass import getuser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import WrongUseError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from loadlens.serving.access.keys import Keys
    from loadlens.serving.settings import Settings

app = typer.Typer(rich_markup_mode=None, help="The keys by which machines come in.")

DataFolder = Annotated[Path | None, typer.Option(help="The server's folder; default: as `serve` finds it.")]


@app.command()
def add(
    *,
    role: Annotated[str, typer.Option(help="camera, inspector, manager, auditor or admin.")],
    name: Annotated[str, typer.Option(help="Which machine it is for.")] = "unnamed",
    lane: Annotated[str | None, typer.Option(help="The one lane that it is for; default: every lane.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is valid.")] = 365,
    settings_file: SettingsFile = None,
    data: DataFolder = None,
) -> None:
    """Make a key and print it, the only time that it can be seen."""
    from loadlens.serving.access.caller import Role  # noqa: PLC0415
    from loadlens.serving.access.keys import NewKey  # noqa: PLC0415

    if role not in set(Role):
        raise WrongUseError(f"there is no role {role!r}; there are {', '.join(Role)}")
    with _keys(settings_file, data) as keys:
        row, token = keys.add(NewKey(name, Role(role), lane, days), operator())
    typer.echo(f"loadlens: key {row.id} is valid until {row.expires_at}; it is not shown again", err=True)
    print(token)


@app.command("list")
def list_(*, settings_file: SettingsFile = None, data: DataFolder = None) -> None:
    """List every key that was ever made; the secret part is not known."""
    with _keys(settings_file, data) as keys:
        for key, revocation in keys.all():
            state = f"revoked {revocation.at}" if revocation else f"until {key.expires_at}"
            print(f"{key.id}  {key.role:9}  lane {key.lane or 'any':8}  {state}  {key.name}")


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID")],
    *,
    settings_file: SettingsFile = None,
    data: DataFolder = None,
) -> None:
    """Let a key open nothing from now on."""
    with _keys(settings_file, data) as keys:
        revocation = keys.revoke(key_id, operator())
    print(f"{key_id} is revoked since {revocation.at}")


def operator() -> str:
    """Who is at the machine, as records name them: by the account, where it has a name."""
    try:
        return f"cli:{getuser()}"
    except (KeyError, OSError):
        return "cli"


@contextmanager
def _keys(settings_file: Path | None, data: Path | None) -> Iterator["Keys"]:
    from loadlens.serving.access.keys import Keys, KeyUseError  # noqa: PLC0415

    with sealed_database(settings_file, data) as (_, engine):
        try:
            yield Keys(engine)
        except KeyUseError as error:
            raise WrongUseError(str(error)) from error


@contextmanager
def sealed_database(settings_file: Path | None, data: Path | None) -> Iterator[tuple["Settings", "Engine"]]:
    """The settings and the database with its journal; the arguments are the options of the command."""
    from loadlens.serving.folders import make_private  # noqa: PLC0415
    from loadlens.serving.seal import open_seal  # noqa: PLC0415
    from loadlens.serving.settings import read_settings  # noqa: PLC0415
    from loadlens.serving.store.database import open_database  # noqa: PLC0415
    from loadlens.serving.store.journal import sealed  # noqa: PLC0415

    settings = read_settings(settings_file, data=data)
    make_private(settings.data)
    engine = sealed(open_database(settings.database_url), open_seal(settings))
    try:
        yield settings, engine
    finally:
        engine.dispose()
