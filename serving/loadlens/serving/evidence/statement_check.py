"""What suppliers confirmed or disputed: the digest they did it for must be that of the version they did it for."""

from collections.abc import Iterator

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from loadlens.serving.evidence.finding import Finding
from loadlens.serving.sheet.source import sha256_of
from loadlens.serving.store.tables import Assessment, Statement, Ticket

_AT_ONCE = 100
_OF_VERSION = and_(Assessment.load_id == Statement.load_id, Assessment.version == Statement.version)
_ITS_TICKET = and_(Ticket.load_id == Statement.load_id, Ticket.number == Statement.ticket)


def check_statements(session: Session) -> Iterator[Finding]:
    """What is wrong with the statements of a database."""
    query = select(Statement, Assessment.report, Ticket.body).join(Assessment, _OF_VERSION)
    rows = session.execute(query.outerjoin(Ticket, _ITS_TICKET).execution_options(yield_per=_AT_ONCE))
    for statement, report, body in rows:
        if sha256_of(report if body is None else body) != statement.sha256:
            what = f"ticket {statement.ticket}" if statement.ticket else f"assessment {statement.version}"
            yield Finding(
                f"supplier_statements {statement.id}",
                f"was made for SHA-256 {statement.sha256}, which is not {what} of load {statement.load_id}",
            )
