"""`loadlens settings`: what is in force, and where each setting comes from."""

from pathlib import Path
from typing import Annotated

import typer

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="A settings file (TOML); default: LOADLENS_SETTINGS.")
]


def settings(*, file: SettingsFile = None) -> None:
    """Show every setting of the server with its value and where it comes from; secrets are hidden."""
    from loadlens.serving.settings import settings_in_force  # noqa: PLC0415

    known = settings_in_force(file)
    names, values = (max(len(getattr(entry, part)) for entry in known) for part in ("name", "value"))
    for entry in known:
        print(f"{entry.name:{names}}  {entry.value:{values}}  {entry.origin}")
