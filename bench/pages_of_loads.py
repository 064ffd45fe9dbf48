"""How long a page of the list of loads, and the figures of some days, take among a thousand loads and among very many.

    python bench/pages_of_loads.py [--loads 100000] [--rounds 30] [--database URL]

Fills a database (SQLite in a temporary folder unless one is given) and asks, for every filter of `GET /v1/loads`, for
the first page and for one far behind, and for every kind of figures those of the last three days (432 loads). Prints
the times and, for each, the ratio of the slowest among many loads to the slowest among a thousand, and how long figures
of all loads take; ends with 1 where a ratio is above 2 and the page takes above a millisecond.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy import insert
from sqlalchemy.orm import Session

from loadlens.serving.canonical import canonical_json
from loadlens.serving.lifecycle import STATES
from loadlens.serving.records import drift, figures, hazard_figures, lists, mill_figures, price_figures
from loadlens.serving.records.lists import Filter
from loadlens.serving.records.periods import Period
from loadlens.serving.store.database import open_database, writing
from loadlens.serving.store.queue_tables import LoadResult
from loadlens.serving.store.tables import Lane, Load, LoadWord, Review, Transition

FEW, PAGE = 1000, 20  # few, but enough for a full page of every filter
EVERY = timedelta(minutes=10)
BEGAN = datetime(2025, 1, 1, tzinfo=UTC)
CLOSED_STATES = [state for state in STATES if state not in ("arrived", "weighed", "unloading")]
FILTERS = {
    "all": Filter(),
    "status": Filter(status="settled"),
    "lane": Filter(lane="3"),
    "supplier": Filter(supplier="supplier 7"),
    "plate": Filter(plate="plate-7"),
    "word": Filter(word="wet"),
    "nothing found": Filter(word="nowhere"),
}
FORMS = canonical_json({f"form_{number}": 0.04 for number in range(25)})
FIGURES: dict[str, Callable[[Session, Period, Period], object]] = {
    "deductions": lambda session, period, _: figures.deductions(session, "camera", period),
    "prices": lambda session, period, _: price_figures.price_errors(session, "supplier", period),
    "beside people": lambda session, period, _: mill_figures.beside_people(session, period),
    "hazards": lambda session, period, _: hazard_figures.dangers(session, period),
    "drift": drift.drift,
}


def fill(session: Session, first: int, last: int) -> None:
    """Add loads numbered from `first` to before `last`."""
    rows = [
        {
            "id": f"load-{number:07}",
            "status": CLOSED_STATES[number % len(CLOSED_STATES)],
            "lane": str(number % 8),
            "supplier": f"supplier {number % 20}",
            "plate": f"plate-{number % 30}",
            "note": "wet" if number % 3 else "dry",
            "standard": "gbt-39733-2024",
            "created_at": (BEGAN + EVERY * number).isoformat(timespec="milliseconds"),
        }
        for number in range(first, last)
    ]
    session.execute(insert(Load), rows)
    words = [
        {"word": row[name], "created_at": row["created_at"], "load_id": row["id"]}
        for row in rows
        for name in ("id", "plate", "note")
    ]
    session.execute(insert(LoadWord), words)
    session.execute(insert(LoadResult), [_result(row["id"], number) for number, row in enumerate(rows, first)])
    steps = {"event": "flag", "source": "closed", "target": "flagged", "actor": "server", "reason": "", "at": "t"}
    session.execute(insert(Transition), [{"load_id": row["id"], **steps} for row in rows[::2]])
    said = {"version": 1, "decision": "accept", "reason": "seen", "actor": "user:ann", "at": "t"}
    session.execute(insert(Review), [{"load_id": row["id"], **said} for row in rows[::2]])


def _result(load_id: str, number: int) -> dict[str, object]:
    percent, price = f"{number % 50 / 10}", str(2500 + number % 90)
    return {
        "load_id": load_id,
        **dict.fromkeys(("waiting", "hazard", "at_most"), False),
        **{"version": 1, "rank": "1", "codes": ",", "stake_in": "money", "stake": "100.00", "currency": "CNY"},
        **dict.fromkeys(("grade", "machine_grade"), f"grade {number % 6}"),
        **{"net_kg": "30000", "kg": "600", "kg_low": "400", "kg_high": "800"},
        **{"percent": percent, "percent_low": percent, "percent_high": percent, "machine_percent": percent},
        **{"price_per_tonne": price, "machine_price_per_tonne": price, "forms": FORMS, "cameras": '["north","south"]'},
        **dict.fromkeys(("coverage", "grade_share", "machine_grade_share", "unknown", "confidence"), 0.5),
        "model": "loadlens-surface 1",
    }


def figures_ms(session: Session, loads: int, rounds: int) -> dict[str, float]:
    """How long each kind of figures takes of the last three days, held against the three before, in ms; as below."""
    last = (BEGAN + EVERY * loads).date()
    days = [Period(last - timedelta(days=number + 2), last - timedelta(days=number)) for number in (0, 3)]
    return {name: _best_ms(session, partial(of, session, *days), rounds) for name, of in FIGURES.items()}


def _best_ms(session: Session, work: Callable[[], object], rounds: int) -> float:
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        session.expunge_all()
        taken.append(time.perf_counter() - began)
    return 1000 * min(taken)


def slowest_page_ms(session: Session, which: Filter, rounds: int) -> float:
    """The slower of the first page and one twenty pages on, in ms; the best of `rounds`, as other work only adds."""
    cursor = None
    for _ in range(20):
        cursor = lists.page(session, which, cursor, PAGE).next_cursor or cursor
    return max(_best_ms(session, partial(lists.page, session, which, start, PAGE), rounds) for start in (None, cursor))


def measured_ms(session: Session, loads: int, rounds: int) -> dict[str, float]:
    """Every page and every kind of figures among so many loads."""
    pages = {name: slowest_page_ms(session, which, rounds) for name, which in FILTERS.items()}
    return {**pages, **figures_ms(session, loads, rounds)}


def main() -> int:
    """Fill, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--database", help="an empty database; default: SQLite in a temporary folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(given.database or f"sqlite:///{Path(folder, 'loads.sqlite')}")
        with Session(writing(engine)) as session, session.begin():
            session.add_all(Lane(id=str(number)) for number in range(8))
            session.flush()
            fill(session, 0, FEW)
        with Session(engine) as session:
            few = measured_ms(session, FEW, given.rounds)
        for first in range(FEW, given.loads, 10_000):
            with Session(writing(engine)) as session, session.begin():
                fill(session, first, min(first + 10_000, given.loads))
        with Session(engine) as session:
            many = measured_ms(session, given.loads, given.rounds)
            none = Period(until=BEGAN.date() - timedelta(days=1))
            whole = {name: _best_ms(session, partial(of, session, Period(), none), 2) for name, of in FIGURES.items()}
        engine.dispose()
    print(f"{'filter':15} {FEW:>10} loads {given.loads:>10} loads  ratio")
    for name in few:
        print(f"{name:15} {few[name]:>13.2f} ms {many[name]:>13.2f} ms  {many[name] / few[name]:.2f}")
    print("figures of all loads: " + ", ".join(f"{name} {taken:.0f} ms" for name, taken in whole.items()))
    return int(any(many[name] > max(1.0, 2 * few[name]) for name in few))


if __name__ == "__main__":
    sys.exit(main())
