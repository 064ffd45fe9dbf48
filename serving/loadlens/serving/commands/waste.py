"""`loadlens waste`: codes are looked up, labels are printed, a scanned label is checked."""

import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from loadlens.serving.commands import waste_demo, waste_ledger
from loadlens.serving.errors import CommandError, RefusedError, WrongUseError, told_plainly

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    from loadlens.waste.label import Label

Kind = Literal["pdf", "png", "zpl"]

app = typer.Typer(rich_markup_mode=None, help="Solid waste: photos, codes, labels, the ledger.")
app.command()(waste_ledger.export)
app.command()(waste_ledger.report)
app.command("import")(waste_ledger.import_)
app.command()(waste_ledger.import_stages)
app.command()(waste_demo.demo)


@app.command()
def codes(
    *,
    query: Annotated[list[str], typer.Argument(metavar="WORD…", help="Digits, Chinese, pinyin, initials or English.")],
    list_id: Annotated[str | None, typer.Option("--list", help="Only this list, for example hazardous-cn.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
) -> None:
    """Find waste codes. What a list says is shown with its edition; a code that was not checked says so."""
    from loadlens.waste.codes import CodeError, code_list  # noqa: PLC0415
    from loadlens.waste.search import search  # noqa: PLC0415

    try:
        lists = None if list_id is None else [code_list(list_id).id]
    except CodeError as error:
        raise WrongUseError(str(error)) from error
    found = search(" ".join(query), lists)
    if not found:
        raise CommandError(f"no code fits {' '.join(query)!r}; try fewer words")
    for entry in found:
        about = code_list(entry.list_id)
        old = f", superseded by {about.superseded_by} on {about.superseded_on}" if about.superseded_by else ""
        doubt = "" if entry.verified else ", unverified"
        if as_json:
            shown = ("list_id", "edition", "code", "mark", "name_zh", "name_en", "category", "verified")
            print(json.dumps({name: getattr(entry, name) for name in shown}, ensure_ascii=False))
        else:
            print(f"{entry.code:<12} {entry.mark:<4} {entry.name_zh or entry.name_en}")
            print(f"{'':12} {entry.category} ({about.id} {about.edition}{old}{doubt})")


@app.command()
def identify(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="JPEG, PNG, BMP or WebP pictures.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per picture, a line each.")] = False,
    model: Annotated[Path | None, typer.Option(help="A model of waste; default: the one that is shipped.")] = None,
) -> int:
    """Say what waste each picture may show, and which codes to ask about. A person confirms the code, never a photo."""
    with told_plainly():
        from loadlens.vision.frame import Frame  # noqa: PLC0415
        from loadlens.vision.image import read_bytes  # noqa: PLC0415
        from loadlens.waste.identification import identify as look_at  # noqa: PLC0415
        from loadlens.waste.identification import load_waste_model  # noqa: PLC0415

        eye = load_waste_model(model)
    code = 0
    for image in images:
        try:
            with told_plainly():
                frame = Frame.from_bytes(read_bytes(Path(image)), name=image, time_s=0.0)
                found = look_at(frame, eye).to_plain(image)
        except RefusedError as error:
            print(f"loadlens: {error}", file=sys.stderr)
            code = error.exit_code
        else:
            print(json.dumps(found, ensure_ascii=False) if as_json else _described(found))
    return code


def _described(found: dict[str, Any]) -> str:
    from loadlens.waste.classes import waste_classes  # noqa: PLC0415

    likely = ", ".join(f"{name} {prob:.0%}" for name, prob in found["classes"].items() if prob >= 0.05)
    doubt = "; not sure: look at it yourself" if found["abstain"] else ""
    lines = [f"{found['image']}: {likely or 'none of the known classes'}{doubt}"]
    if found["dangers"]:
        named = " or ".join(waste_classes()[name].name_en.lower() for name in found["dangers"])
        lines.append(f"  DANGER: a photo does not rule out a {named}; look before it is moved, pressed or heated")
    lines += [f"  {entry['list']:<12} {entry['why']}" for entry in found["codes"]]
    return "\n".join(lines)


@app.command()
def label(
    table: Annotated[Path, typer.Argument(metavar="CSV", help="One container a row.")],
    *,
    out: Annotated[Path, typer.Option(help="Folder for the labels; made anew.")],
    unit: Annotated[str, typer.Option(help="The producer's unified social credit code, 18 characters.")],
    producer: Annotated[str, typer.Option(help="The producer's name.")],
    contact: Annotated[str, typer.Option(help="Whom to call.")],
    phone: Annotated[str, typer.Option(help="The number to call.")],
    host: Annotated[str, typer.Option(help="Name that the labels' pages are served under, for the QR code.")],
    key: Annotated[Path, typer.Option(help="File of the signing key; made where it is not there.")],
    kind: Annotated[Kind, typer.Option("--format", help="What to write.")] = "pdf",
) -> None:
    """Make a label for every container of a table, or say what is wrong with each row and make none."""
    from loadlens.serving.store.signing import SigningKeyError, SigningKeys  # noqa: PLC0415
    from loadlens.waste.identity import IdentityError, check_unit  # noqa: PLC0415
    from loadlens.waste.label import Producer  # noqa: PLC0415
    from loadlens.waste.label_table import TableError, read_labels  # noqa: PLC0415

    if out.exists():
        raise WrongUseError(f"{out} exists; give another --out")
    try:
        labels = read_labels(_text(table), Producer(producer, check_unit(unit), contact, phone))
        keys = SigningKeys(key)
        public = keys.create()
        _write_labels(labels, out, kind, host, lambda message: bytes.fromhex(keys.sign(public, message)))
    except IdentityError as error:
        raise WrongUseError(f"--unit: {error}") from error
    except SigningKeyError as error:
        raise RefusedError(str(error)) from error
    except TableError as error:
        raise RefusedError("\n".join(f"{table}, {fault}" for fault in error.faults)) from error
    print(f"{len(labels)} labels in {out}; check them with `loadlens waste scan --key {public}`")


def _write_labels(labels: Sequence["Label"], out: Path, kind: Kind, host: str, sign: Callable[[bytes], bytes]) -> None:
    """Fill a folder beside `out` and put it in its place when every label is drawn."""
    from loadlens.waste.drawing import draw  # noqa: PLC0415
    from loadlens.waste.label import LabelError  # noqa: PLC0415
    from loadlens.waste.seal import Sealed, seal  # noqa: PLC0415

    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as beside:
        folder = Path(beside, "new")
        folder.mkdir()
        for one in labels:
            sealed = Sealed(one.identity, one.code.list_id, one.code.edition, one.mass)
            try:
                (folder / f"{one.identity}.{kind}").write_bytes(draw(one, seal(sealed, sign, host), kind))
            except LabelError as error:
                raise RefusedError(f"{one.identity}: {error}") from error
            for doubt in one.doubts:
                typer.echo(f"loadlens: {one.identity}: {doubt}", err=True)
        folder.rename(out)


@app.command()
def scan(
    pictures: Annotated[list[Path], typer.Argument(metavar="IMAGE…", help="Photos of labels.")],
    *,
    key: Annotated[str, typer.Option(help="The public key of the labels, 64 hexadecimal digits.")],
) -> None:
    """Read the labels on photos and say whether they are ours and unaltered; exit 1 where one is not."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except ValueError as error:
        raise WrongUseError("--key is no public key of 64 hexadecimal digits; `waste label` prints it") from error
    answers = [_read_label(picture, public) for picture in pictures]
    for picture, (_, said) in zip(pictures, answers, strict=True):
        print(f"{picture}: {said}")
    if not all(trusted for trusted, _ in answers):
        raise CommandError("not every label can be trusted")


def _read_label(picture: Path, public: "Ed25519PublicKey") -> tuple[bool, str]:
    """Whether the label on a photo can be trusted, and what it says or why not."""
    import zxingcpp  # noqa: PLC0415

    from loadlens.vision.frame import Frame, SourceError  # noqa: PLC0415
    from loadlens.waste.seal import SealError, open_seal  # noqa: PLC0415

    try:
        frame = Frame.from_bytes(_bytes(picture), name=str(picture), time_s=0.0)
    except SourceError as error:
        raise RefusedError(str(error)) from error
    found = zxingcpp.read_barcodes(frame.rgb(), formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode))
    if len(found) != 1:
        return False, f"{len(found)} codes can be read; photograph one label, nearer, and wipe it"
    try:
        sealed = open_seal(found[0].text, public)
    except SealError as error:
        return False, str(error)
    return True, f"{sealed.identity} {sealed.mass} ({sealed.list_id} {sealed.edition})"


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RefusedError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def _text(path: Path) -> str:
    try:
        return _bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RefusedError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
