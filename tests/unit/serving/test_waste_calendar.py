"""What a plant reports by year: added up from balances, as if from its entries one by one."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from loadlens.serving.evidence.stock_check import check_balances
from loadlens.serving.records import waste
from loadlens.serving.records.waste_calendar import calendars
from loadlens.serving.store.anchor import Anchor
from loadlens.serving.store.database import open_database, read_session, write_session
from loadlens.serving.store.journal import Seal, sealed
from loadlens.serving.store.signing import SigningKeys
from loadlens.serving.store.waste_tables import WasteContainer
from loadlens.waste.identity import SCHEMES, Identity
from loadlens.waste.ledger import Entry, counter, move

UNIT, CODE = "91130200699229617X", "321-024-48"
TONNE = 1_000_000
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def ledger(tmp_path, database_url):
    """Forty tonnes by hours about a new year, in one container each, of which the tenth is taken back at the end."""
    engine = sealed(open_database(database_url), Seal(SigningKeys(tmp_path / "key"), Anchor(tmp_path / "anchor")))
    boxes, entries = [], []
    for number in range(40):
        identity = SCHEMES["plain"].compose(Identity(UNIT, CODE, date(2025, 12, 31), number + 1))
        about = {"list_id": "hazardous-cn", "edition": "2025", "code": CODE, "name": "铝灰渣", "litres": "200"}
        boxes.append(WasteContainer(identity=identity, actor="user:li", **about))
        at = NEW_YEAR + timedelta(hours=number - 20)
        entries.append(Entry(f"e{number}", "produced", at, "user:li", move(identity, TONNE, "production", "floor")))
    wrong = counter(entries[9], new_id="c9", at=NEW_YEAR + timedelta(days=9), actor="user:meg", reason="typed twice")
    with write_session(engine) as session:
        waste.register_new(session, boxes, by="user:li")
        assert len(waste.post(session, [*entries, wrong]).accepted) == 41
    with read_session(engine) as session:
        yield session, [*((one.at, TONNE) for one in entries), (wrong.at, -TONNE)]
    engine.dispose()


@pytest.mark.parametrize("hours", [-14, -3.5, 0, 5.75, 8, 14])
def test_a_year_begins_where_the_plant_stands(ledger, hours):
    session, made = ledger
    clock = timezone(timedelta(hours=hours))
    (plant,) = calendars(session, 2026, clock, permits=frozenset())
    assert plant.produced == {
        year: sum(grams for at, grams in made if at.astimezone(clock).year == year) for year in (2025, 2026)
    }
    assert list(check_balances(session)) == []


def test_what_is_still_due_is_asked_once_for_two_years(ledger):
    session, _ = ledger
    asked = {"clock": UTC, "permits": frozenset()}
    (last,), (this,) = (calendars(session, year, **asked) for year in (2025, 2026))
    (plant,) = calendars(session, 2026, **asked, due_from=date(2026, 2, 1))
    assert (plant.kind, plant.produced) == (this.kind, this.produced)
    assert plant.due == sorted(
        (one for one in (*last.due, *this.due) if one.by >= date(2026, 2, 1)), key=lambda one: one.by
    )
    assert [one.name for one in plant.due[:2]] == ["2025", "2026"]
    assert calendars(session, 2028, **asked, due_from=date(2028, 1, 1)) == []
