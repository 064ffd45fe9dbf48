"""`loadlens settings`: what is in force, and where each setting comes from."""

from pathlib import Path
from typing import Annotated

import typer

SettingsFile = Annotated[
    Path | None, typer.Option("--settings", metavar="FILE", help="A settings file (TOML); default: LOADLENS_SETTINGS.")
]


def settings(
    *,
    file: SettingsFile = None,
    table: Annotated[bool, typer.Option("--table", help="What each setting is for, as a table in Markdown.")] = False,
) -> None:
    """Show every setting of the server with its value and where it comes from; secrets are hidden."""
    from loadlens.serving.settings import Settings, settings_in_force  # noqa: PLC0415

    if table:
        print("| Setting | Default | What it is for |\n| --- | --- | --- |")
        for name, field in Settings.model_fields.items():
            default = _default(field.get_default(call_default_factory=True))
            print(f"| `{name}` | {default} | {' '.join((field.description or '').split())} |")
        return
    known = settings_in_force(file)
    names, values = (max(len(getattr(entry, part)) for entry in known) for part in ("name", "value"))
    for entry in known:
        print(f"{entry.name:{names}}  {entry.value:{values}}  {entry.origin}")


def _default(value: object) -> str:
    return "–" if value in (None, (), {}) else f"`{value}`"
