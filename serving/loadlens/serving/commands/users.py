"""`loadlens users`: people, offline on the database, for the day when no admin can log in."""

from typing import Annotated

import typer

from loadlens.serving.commands.keys import DataFolder, operator, sealed_database
from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import WrongUseError

app = typer.Typer(rich_markup_mode=None, help="The people who log in.")


@app.command()
def invite(
    name: Annotated[str, typer.Argument(help="What they log in with.")],
    *,
    role: Annotated[str, typer.Option(help="inspector, manager, auditor or admin.")] = "admin",
    settings_file: SettingsFile = None,
    data: DataFolder = None,
    address: Annotated[str | None, typer.Option(help="Address of the server; default: as its settings say.")] = None,
) -> None:
    """Print a link on which a person chooses a password; it works once, for a day. An old password ends now."""
    from loadlens.serving.access.caller import Role  # noqa: PLC0415
    from loadlens.serving.access.users import UserError, Users  # noqa: PLC0415

    if role not in set(Role):
        raise WrongUseError(f"there is no role {role!r}; there are {', '.join(Role)}")
    with sealed_database(settings_file, data) as (settings, engine):
        users = Users(engine)
        try:
            is_known = name in {user.name for user in users.all()}
            by = operator()
            token = users.reinvite(name, by) if is_known else users.invite(name, Role(role), by)
        except UserError as error:
            raise WrongUseError(str(error)) from error
    print(f"{address or settings.public_url or f'http://{settings.host}:{settings.port}'}/login#{token}")


@app.command("list")
def list_(*, settings_file: SettingsFile = None, data: DataFolder = None) -> None:
    """List every user."""
    from loadlens.serving.access.users import Users  # noqa: PLC0415

    with sealed_database(settings_file, data) as (_, engine):
        for user in Users(engine).all():
            print(f"{user.name:24}  {user.role:9}  {'active' if user.is_active else 'shut out'}")


@app.command()
def roles() -> None:
    """Print who may use which route, as serving/README.md has it."""
    from loadlens.serving.api.doors import table_of_routes  # noqa: PLC0415

    print(table_of_routes())
