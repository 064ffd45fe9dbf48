"""The supplier's page behind a signed link: no login, and nothing but one version of one load."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy.orm import Session

from loadlens.serving.access.limits import TooManyAttemptsError
from loadlens.serving.access.links import LinkError, LinkOverError, Named, open_link
from loadlens.serving.api.disputes import PersonName
from loadlens.serving.api.pages import html_page
from loadlens.serving.api.parts import Parts, parts_of
from loadlens.serving.api.problems import answers
from loadlens.serving.drawings import drawings_of
from loadlens.serving.load_errors import ConflictError
from loadlens.serving.records import loads, statements
from loadlens.serving.records.statements import Reason, Said
from loadlens.serving.sheet.page import Standing, render_page, render_refusal
from loadlens.serving.sheet.source import Source, source_of_version
from loadlens.serving.sheet.words import Lang

router = APIRouter(prefix="/s", tags=["supplier"])

SUPPLIER = "supplier"
_LONGEST_DEVICE = 300
_REFUSED = {
    403: "the link is forged or was altered",
    410: "the link has ended",
    429: "the link was used too often",
}
_PAGE: dict[str, Any] = {"content": {"text/html": {}}}
# The doors before these pages refuse as they do elsewhere, so an error may be of either kind.
_EITHER: dict[str, Any] = {"content": {**_PAGE["content"], **answers()[422]["content"]}}
_ANSWERS = answers() | {status: {"description": why, **_EITHER} for status, why in _REFUSED.items()}
_NOT_TAKEN: dict[int | str, dict[str, Any]] = {
    303: {"description": "taken; the page shows it"},
    409: {"description": "what was shown has changed, or the version cannot be answered for now", **_PAGE},
    422: {"description": "something is missing in the answer", **_EITHER},
}
_JPEG: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {}}},
    404: {"description": "there is no such layer, or its picture was let go"},
}
_FORM: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/x-www-form-urlencoded": {"schema": {"type": "object"}}}}
}


class SaidOnPage(BaseModel):
    """What the form of the page sends; `shown` is the digest of what stood there."""

    model_config = ConfigDict(extra="forbid")

    said: Literal["confirm", "dispute"]
    shown: Annotated[str, Field(max_length=64)]
    name: PersonName
    reason: Reason | None = None
    text: Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")] = ""

    @model_validator(mode="after")
    def _fits(self) -> "SaidOnPage":
        if (self.said == "dispute") != (self.reason is not None and bool(self.text.strip())):
            raise ValueError("a dispute, and nothing else, has a reason and words of its own")
        return self


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form that was sent; none where it was no form."""
    try:
        sent = parse_qs((await request.body()).decode(), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return {}
    return {name: values[0].strip() for name, values in sent.items()}


Shown = Annotated[Lang | None, Query(description="the language; without it as the browser prefers")]
Form = Annotated[dict[str, str], Depends(form_of)]


@router.get("/{token}", response_class=HTMLResponse, responses=_ANSWERS)
def get_page(request: Request, token: str, lang: Shown = None) -> HTMLResponse:
    """One version of a load as its supplier sees it, with what he said of it or the form to say it."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        named = _named(session, parts, token)
        return named if isinstance(named, HTMLResponse) else _page(request, session, token, named, lang=lang)


@router.post(
    "/{token}", response_class=HTMLResponse, status_code=303, responses=_ANSWERS | _NOT_TAKEN, openapi_extra=_FORM
)
def post_answer(request: Request, token: str, form: Form, lang: Shown = None) -> Response:
    """Confirm or dispute the version that the link names."""
    parts = parts_of(request)
    with parts.loads.writing() as session:
        named = _named(session, parts, token)
        if isinstance(named, HTMLResponse):
            return named
        try:
            said = SaidOnPage.model_validate(form)
        except ValidationError:
            return _page(request, session, token, named, lang=lang, status=422, fault="incomplete")
        load = loads.find(session, named.load_id)
        shown = source_of_version(session, parts.loads, load, named.version).shown
        if said.shown != shown.sha256:
            return _page(request, session, token, named, lang=lang, status=409, fault="changed")
        by = Said(said.name, said.text, "link", request.client and request.client.host, _device(request))
        try:
            parts.loads.state(session, load, shown, by, said.reason, actor=SUPPLIER)
        except ConflictError:
            return _page(request, session, token, named, lang=lang, status=409, fault="closed")
    return RedirectResponse(f"/s/{token}" + (f"?lang={lang}" if lang else ""), 303)


@router.get("/{token}/layers/{index}.jpg", response_class=Response, responses=_ANSWERS | _JPEG)
def get_picture(request: Request, token: str, index: Annotated[int, Path(ge=0, lt=2**31)]) -> Response:
    """The picture of one layer with what was seen drawn on it."""
    parts = parts_of(request)
    with parts.loads.reading() as session:
        named = _named(session, parts, token)
        if isinstance(named, HTMLResponse):
            return named
        drawing = drawings_of(session, named.load_id, named.version).get(index)
    if drawing is None or drawing.is_gone:
        return Response(status_code=404)
    return Response(drawing.jpeg(parts.loads.blobs), media_type="image/jpeg")


def _named(session: Session, parts: Parts, token: str) -> Named | HTMLResponse:
    """What a link names, or the page that refuses it."""
    try:
        named = open_link(session, token, datetime.now(UTC))
        parts.access.link_limit.ask(token)
    except LinkError:
        return html_page(render_refusal(403), "form-action 'none'", status=403)
    except LinkOverError:
        return html_page(render_refusal(410), "form-action 'none'", status=410)
    except TooManyAttemptsError:
        return html_page(render_refusal(429), "form-action 'none'", status=429, headers={"Retry-After": "900"})
    return named


def _page(
    request: Request,
    session: Session,
    token: str,
    named: Named,
    *,
    lang: Lang | None,
    status: int = 200,
    fault: str = "",
) -> HTMLResponse:
    parts = parts_of(request)
    load = loads.find(session, named.load_id)
    source = source_of_version(session, parts.loads, load, named.version)
    drawn = drawings_of(session, named.load_id, named.version)
    text = render_page(
        source,
        _standing(session, source),
        frozenset(index for index, drawing in drawn.items() if not drawing.is_gone),
        lang or _preferred(request),
        named.until,
        clock=parts.settings.time_zone,
        place=f"/s/{token}",
        fault=fault,
    )
    # Without a referrer the browser would not say where the form was sent from, and the doors would refuse it.
    headers = {"Referrer-Policy": "same-origin", "Vary": "Accept-Language"}
    return html_page(text, "form-action 'self'", status=status, headers=headers)


def _standing(session: Session, source: Source) -> Standing:
    said = statements.on_version(session, source.load.id, source.assessment.version)
    try:
        statements.check_open(session, source.load, source.assessment.version)
    except ConflictError:
        return Standing(said, statements.answers_to(session, said.id) if said else (), is_open=False)
    return Standing(None, (), is_open=True)


def _preferred(request: Request) -> Lang:
    return "zh" if request.headers.get("accept-language", "").strip().lower().startswith("zh") else "en"


def _device(request: Request) -> str | None:
    agent = request.headers.get("user-agent")
    return agent and agent[:_LONGEST_DEVICE]
