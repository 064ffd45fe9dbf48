"""`loadlens verify`, `bundle`, `backup`, `restore` and `rotate-key`: what proves a settlement years later."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from loadlens.serving.commands.settings import SettingsFile
from loadlens.serving.errors import CommandError, RefusedError, WrongUseError

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from loadlens.serving.evidence.verify import Verdict
    from loadlens.serving.settings import Settings
    from loadlens.serving.store.blobs import Blobs

_SHOWN = 50

Data = Annotated[Path | None, typer.Option(help="The server's data folder.")]
Key = Annotated[str | None, typer.Option(metavar="HEX", help="The journal's first public key, known from elsewhere.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def verify(
    bundle: Annotated[Path | None, typer.Argument(help="A bundle; without it the whole site is checked.")] = None,
    *,
    settings_file: SettingsFile = None,
    data: Data = None,
    anchor: Annotated[list[Path] | None, typer.Option(help="A further anchor that was kept elsewhere.")] = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Check the journal, every row, every picture and every assessment. Exit code 1 where anything was changed."""
    if bundle is not None:
        if data is not None or anchor:
            raise WrongUseError("a bundle is checked by itself; leave out --data and --anchor")
        _tell(_verify_bundle(bundle, key), as_json)
        return
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from loadlens.serving.evidence.anchor_check import AnchorCheck  # noqa: PLC0415
    from loadlens.serving.evidence.verify import verify_store  # noqa: PLC0415

    with site_of(settings_file, data) as (settings, engine, blobs):
        heads = AnchorCheck([settings.anchor_file, *(anchor or ())])
        with Session(engine) as session:
            _tell(verify_store(session, blobs, heads, key), as_json)


def bundle(
    load: Annotated[str, typer.Argument(help="Id of a load.")],
    *,
    out: Annotated[Path, typer.Option(help="The zip to write.")],
    settings_file: SettingsFile = None,
    data: Data = None,
) -> None:
    """Write one load as a zip that its supplier checks with `loadlens verify FILE`, with no access to us."""
    from sqlalchemy.orm import Session  # noqa: PLC0415

    from loadlens.serving.evidence.bundle import NoSuchLoadError, write_bundle  # noqa: PLC0415

    try:
        with site_of(settings_file, data) as (_, engine, blobs), Session(engine) as session:
            write_bundle(session, blobs, load, out)
    except NoSuchLoadError as error:
        raise RefusedError(str(error)) from error
    except FileExistsError as error:
        raise WrongUseError(f"{out} is there already; give another --out") from error
    print(out)


def backup(
    out: Annotated[Path, typer.Argument(help="A new folder, or one that holds an earlier backup.")],
    *,
    settings_file: SettingsFile = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Copy all that is on record, while the server runs, and check the copy. The private key is not in it."""
    from loadlens.serving.evidence.backup import BackupError, back_up  # noqa: PLC0415

    try:
        with site_of(settings_file, data) as (settings, engine, blobs):
            _tell(back_up(engine, blobs, settings.anchor_file, out), as_json)
    except BackupError as error:
        raise WrongUseError(str(error)) from error


def restore(
    backup: Annotated[Path, typer.Argument(help="The folder that `loadlens backup` wrote.")],
    *,
    settings_file: SettingsFile = None,
    data: Data = None,
    signing_key: Annotated[Path, typer.Option(help="The key that signs the journal, which no backup holds.")],
    damaged: Annotated[bool, typer.Option(help="Restore although the backup is not as it was made.")] = False,
) -> None:
    """Fill a new data folder (or empty database and store) from a backup, and check it."""
    from loadlens.serving.evidence.backup import BackupError, check_backup  # noqa: PLC0415
    from loadlens.serving.evidence.backup import restore as fill  # noqa: PLC0415
    from loadlens.serving.folders import make_private  # noqa: PLC0415
    from loadlens.serving.seal import open_seal  # noqa: PLC0415
    from loadlens.serving.settings import read_settings  # noqa: PLC0415

    settings = read_settings(settings_file, data=data)
    if settings.data.exists() and any(settings.data.iterdir()):
        raise WrongUseError(f"{settings.data} is not empty; give a new --data")
    try:
        found = check_backup(backup).findings
        if found and not damaged:
            raise RefusedError(
                f"{backup}: {found[0]}; `loadlens verify --data` says all, --damaged restores it even so"
            )
        make_private(settings.data)
        _put_key(signing_key, settings.signing_key_file)
        with site_of(settings_file, data, is_new=True) as (_, engine, blobs):
            before = fill(backup, engine, blobs, open_seal(settings))
    except BackupError as error:
        raise WrongUseError(str(error)) from error
    if before is not None:
        print(f"the anchor that was there is kept as {before}; `loadlens verify --anchor {before}` says what it names")
    verify(settings_file=settings_file, data=data)


def rotate_key(*, settings_file: SettingsFile = None, data: Data = None) -> None:
    """Sign the journal with a new key from now on; the old one introduces it. Servers go on running."""
    from loadlens.serving.seal import open_seal  # noqa: PLC0415
    from loadlens.serving.store.journal import rotate_key as rotate  # noqa: PLC0415
    from loadlens.serving.store.journal import sealed  # noqa: PLC0415

    with site_of(settings_file, data) as (settings, engine, _):
        print(rotate(sealed(engine, open_seal(settings)), "admin at the machine"))


@contextmanager
def site_of(
    settings_file: Path | None, data: Path | None, *, is_new: bool = False
) -> Iterator[tuple["Settings", "Engine", "Blobs"]]:
    """The settings, the database and the blobs of a site; `is_new` makes one where none is."""
    from loadlens.serving.settings import read_settings  # noqa: PLC0415
    from loadlens.serving.store.blobs import open_blobs  # noqa: PLC0415
    from loadlens.serving.store.database import open_database  # noqa: PLC0415

    settings = read_settings(settings_file, data=data)
    if settings.database is None and not settings.data.is_dir():
        raise RefusedError(f"{settings.data}: no such data folder")
    if settings.database is None and not is_new and not (settings.data / "loadlens.sqlite").exists():
        raise RefusedError(f"{settings.data} holds no records (loadlens.sqlite); give --data or --settings as to serve")
    engine = open_database(settings.database_url)
    try:
        yield settings, engine, open_blobs(settings.store, settings.data / "blobs")
    finally:
        engine.dispose()


def _verify_bundle(file: Path, key: str | None) -> "Verdict":
    from loadlens.serving.evidence.bundle_check import BundleError, verify_bundle  # noqa: PLC0415

    try:
        return verify_bundle(file, key)
    except BundleError as error:
        raise RefusedError(str(error)) from error


def _put_key(source: Path, target: Path) -> None:
    """Copy the key to where the settings have it, readable by its owner alone."""
    if source.resolve() == target.resolve():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.touch(mode=0o600, exist_ok=False)
    shutil.copyfile(source, target)


def _tell(verdict: "Verdict", as_json: bool) -> None:
    """Print what was checked and found. Raises CommandError where anything was."""
    if as_json:
        print(json.dumps(asdict(verdict), ensure_ascii=False))
    else:
        for line in _lines(verdict):
            print(line)
    if verdict.findings:
        raise CommandError(f"{len(verdict.findings)} places are not as they were recorded")


def _lines(verdict: "Verdict") -> Iterator[Any]:
    yield from verdict.findings[:_SHOWN]
    if len(verdict.findings) > _SHOWN:
        yield f"and {len(verdict.findings) - _SHOWN} more; --json names all"
    yield from verdict.notes
    yield "checked: " + ", ".join(f"{count} {what}" for what, count in verdict.counts.items())
    yield f"signed, from its first record on, by the key {verdict.key}; compare it with the one you were given"
    if not verdict.findings:
        yield "all is as it was recorded"
