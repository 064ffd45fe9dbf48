"""A ticket of the records, printed: with its pictures and the link to the supplier's page."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.orm import Session

from loadlens.serving.access.links import Named, make_link
from loadlens.serving.drawings import drawings_of
from loadlens.serving.loads import Loads
from loadlens.serving.settings import Settings
from loadlens.serving.sheet.pdf import Link, Paper, draw_ticket
from loadlens.serving.sheet.source import source_of_ticket
from loadlens.serving.sheet.words import Lang
from loadlens.serving.store.tables import Load


def print_ticket(
    session: Session, records: Loads, settings: Settings, load: Load, number: int | None, *, paper: Paper, lang: Lang
) -> bytes:
    """The ticket of a load as a PDF: the newest, or that of a number. Raises UnknownLoadError where there is none."""
    source = source_of_ticket(session, records, load, number)
    drawings = drawings_of(session, load.id, source.assessment.version)
    issued = datetime.fromisoformat(source.ticket.at) if source.ticket else datetime.now(UTC)
    link = link_to_page(session, settings, load.id, source.assessment.version, issued)

    def picture(index: int) -> bytes | None:
        drawing = drawings.get(index)
        return None if drawing is None or drawing.is_gone else drawing.jpeg(records.blobs)

    return draw_ticket(source, paper, lang, link, picture, clock=settings.time_zone)


def link_to_page(session: Session, settings: Settings, load_id: str, version: int, since: datetime) -> Link | None:
    """The link to the page of a version, which ends so many days after `since`; None without a public address."""
    if settings.public_url is None:
        return None
    until = since + timedelta(days=settings.supplier_link_days)
    token = make_link(session, Named(load_id, version, until))
    return Link(f"{settings.public_url}/s/{token}", until.isoformat(timespec="milliseconds"))
