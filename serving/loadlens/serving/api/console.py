"""The inspectors' console: the files that `make web` builds, and nothing that a page could bring in from elsewhere."""

import gzip
import mimetypes
from functools import lru_cache
from importlib import resources
from pathlib import Path

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

FOLDER = Path(str(resources.files("loadlens.serving"))) / "console"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
# A file under assets/ has its digest in its name; whatever else there is may be another one tomorrow.
_FOR_EVER, _ASK_AGAIN = "public, max-age=31536000, immutable", "no-cache"
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>LoadLens</title>
<h1>The console is not built 控制台尚未构建</h1>
<p>In the folder of the project, run <code>make web</code>, then reload this page.</p>
<p>请在项目目录中运行 <code>make web</code>，然后刷新本页。</p>"""


@router.get("/", response_class=RedirectResponse, status_code=307)
@router.get("/console", response_class=RedirectResponse, status_code=307)
def to_console() -> RedirectResponse:
    """The way in, for who types the address of the server alone."""
    return RedirectResponse("/console/", 307)


@router.get("/console/{path:path}", response_class=Response)
def get_console(request: Request, path: str) -> Response:
    """A file of the console; any other path is a page of it, which the console itself finds."""
    if not (FOLDER / "index.html").is_file():
        return HTMLResponse(_NOT_BUILT, 404)
    asked = FOLDER / path
    is_asset = path.startswith("assets/")
    # The guard has refused `..`; a link that leads out of the folder is no file of the console either.
    is_file = path != "" and asked.is_file() and asked.resolve().is_relative_to(FOLDER.resolve())
    if is_asset and not is_file:
        raise HTTPException(404, f"the console has no file {path}; reload the page")
    file = asked if is_file else FOLDER / "index.html"
    headers = {
        "Cache-Control": _FOR_EVER if is_asset else _ASK_AGAIN,
        "Content-Security-Policy": _POLICY,
        # Labels are scanned by the camera of a phone; it shows what it sees to its own page alone.
        "Permissions-Policy": "camera=(self), microphone=(), geolocation=(), payment=(), usb=()",
        "Vary": "Accept-Encoding",
    }
    data, zipped = _read(file, file.stat().st_mtime_ns)
    if "gzip" in request.headers.get("accept-encoding", "") and len(zipped) < len(data):
        return Response(zipped, media_type=_media_type(file), headers=headers | {"Content-Encoding": "gzip"})
    return Response(data, media_type=_media_type(file), headers=headers)


@lru_cache(maxsize=64)
def _read(file: Path, _changed_ns: int) -> tuple[bytes, bytes]:
    data = file.read_bytes()
    return data, gzip.compress(data, mtime=0)


def _media_type(file: Path) -> str:
    if file.suffix == ".webmanifest":
        return "application/manifest+json"
    return mimetypes.guess_type(file.name)[0] or "application/octet-stream"
