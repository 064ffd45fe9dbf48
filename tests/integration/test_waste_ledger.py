"""The waste ledger over HTTP: what comes in goes out or is in stock, whoever sends what in which order."""

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import httpx2
import pytest
import sqlalchemy

from loadlens.waste.identity import SCHEMES, Identity

UNIT = "91130200699229617X"
DAY = date(2026, 11, 25)
numbers = itertools.count(1)


class Ledger:
    """A drum of dross on a server, and entries about it."""

    def __init__(self, server):
        self.http = server.http
        self.address, self.headers = server.address, dict(server.http.headers)
        self.drum = self.register()
        self.prefix = f"e{next(numbers)}-"

    def register(self, code="321-024-48", **changes):
        identity = SCHEMES["hj1276-37"].compose(Identity(UNIT, code, DAY, next(numbers)))
        body = {"identity": identity, "list": "hazardous-cn", "code": code, "name": "铝灰渣", "litres": 1000}
        answer = self.http.post("/v1/waste/containers", json=body | changes)
        assert answer.status_code == 201, answer.text
        return identity

    def entry(self, name, stage, leaving, arriving, grams=412_500, **more):
        postings = [
            {"container": self.drum, "place": leaving, "grams": -grams},
            {"container": self.drum, "place": arriving, "grams": grams},
        ]
        made = {"id": self.prefix + name, "stage": stage, "at": "2026-11-25T08:00:00+08:00", "postings": postings}
        return made | more

    def life(self):
        return [
            self.entry("a", "produced", "production", "floor", batch="HWCS20261125001"),
            self.entry("b", "stored", "floor", "room:1", batch="HWRK20261125001"),
            self.entry("c", "retrieved", "room:1", "transit"),
            self.entry("d", "handed_over", "transit", "handed_over", particulars={"接收单位": "示例公司"}),
        ]

    def post(self, *entries):
        answer = self.http.post("/v1/waste/entries", json={"entries": list(entries)})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def where(self):
        return self.http.get(f"/v1/waste/containers/{self.drum}").json()["grams"]

    def ids(self, letters):
        return [self.prefix + letter for letter in letters]


@pytest.fixture
def ledger(server):
    return Ledger(server)


def test_a_drum_from_production_to_its_receiver(ledger):
    for number, entry in enumerate(ledger.life()):
        assert ledger.post(entry)["accepted"] == ledger.ids("abcd"[number])
        if number == 1:
            (row,) = ledger.http.get("/v1/waste/stock", params={"place": "room:1", "code": "321-024-48"}).json()[
                "stock"
            ]
            assert (row["grams"], row["containers"]) == (412_500, 1)
    assert ledger.where() == {}
    (row,) = ledger.http.get("/v1/waste/balances", params={"unit": UNIT, "code": "321-024-48"}).json()["balances"]
    assert row["produced"] + row["weighing"] + row["repacked"] == row["treated"] + row["handed_over"] + row["stock"]
    assert row["handed_over"] == row["produced"] - row["stock"] >= 412_500
    assert ledger.http.get("/v1/waste/balances", params={"unit": "another"}).json()["balances"] == []
    told = ledger.http.get(f"/v1/waste/containers/{ledger.drum}").json()
    assert [entry["stage"] for entry in told["history"]] == ["produced", "stored", "retrieved", "handed_over"]
    assert told["history"][3]["particulars"] == {"接收单位": "示例公司"}
    assert told["edition"] == "2021"


def test_what_a_phone_made_offline_finds_its_order(ledger):
    first, second, third, fourth = ledger.life()
    sent = ledger.post(fourth, third, second)
    assert sent["accepted"] == []
    assert {row["id"] for row in sent["waiting"]} == set(ledger.ids("bcd"))
    assert "holds 0 g at floor" in next(row["why"] for row in sent["waiting"] if row["id"] == ledger.prefix + "b")
    assert ledger.post(fourth)["waiting"][0]["id"] == ledger.prefix + "d"
    assert set(ledger.post(first)["accepted"]) == set(ledger.ids("abcd"))
    assert ledger.where() == {}
    assert ledger.post(first, second)["known"] == ledger.ids("ab")


def test_a_correction_takes_back_once_and_says_why(ledger):
    first, second, third, _ = ledger.life()
    ledger.post(first, second)
    place = f"/v1/waste/entries/{second['id']}/correction"
    body = {"id": ledger.prefix + "x", "reason": "the wrong room"}
    assert ledger.http.post(place, json=body).json()["accepted"] == ledger.ids("x")
    assert ledger.http.post(place, json=body).json()["known"] == ledger.ids("x")
    assert ledger.where() == {"floor": 412_500}
    again = ledger.http.post(place, json=body | {"id": ledger.prefix + "y"})
    assert again.status_code == 409
    assert "taken back by" in again.json()["detail"]
    assert ledger.post(third)["waiting"]
    of_first = ledger.http.post(f"/v1/waste/entries/{body['id']}/correction", json={"id": "z", "reason": "no"})
    assert of_first.status_code == 409
    assert ledger.http.post("/v1/waste/entries/none/correction", json=body).status_code == 404
    assert ledger.http.post(place, json={"id": "q", "reason": ""}).status_code == 422


def test_an_entry_whose_time_will_never_come_is_withdrawn_and_does_not_come_back(ledger, server):
    first, second, *_ = ledger.life()
    ledger.post(first)
    wrong = ledger.entry("w", "stored", "floor", "room:1", grams=999_000_000)  # grams typed as milligrams
    ledger.post(wrong)
    place, because = f"/v1/waste/entries/{wrong['id']}/withdrawal", {"reason": "typed in milligrams"}
    with server.http_as("inspector") as inspector:
        assert inspector.post(place, json=because).status_code == 403
    done = ledger.http.post(place, json=because)
    assert done.json()["withdrawn"] == [{"id": wrong["id"], "why": "typed in milligrams"}]

    # The phone that has not heard of it sends it again; mass that would suffice comes in meanwhile.
    ledger.post(ledger.entry("more", "produced", "production", "floor", grams=10**9))
    sent_again = ledger.post(wrong, second)
    assert sent_again["withdrawn"] == done.json()["withdrawn"]
    assert (sent_again["accepted"], sent_again["waiting"]) == ([second["id"]], [])
    assert ledger.where()["room:1"] == 412_500
    assert wrong["id"] not in {row["id"] for row in ledger.http.get("/v1/waste/entries").json()["waiting"]}
    other = ledger.http.post("/v1/waste/entries", json={"entries": [wrong | {"reason": "x"}]})
    assert (other.status_code, "other contents" in other.json()["detail"]) == (409, True)
    taken = {"id": wrong["id"], "reason": "a number that is used"}
    assert ledger.http.post(f"/v1/waste/entries/{second['id']}/correction", json=taken).status_code == 409

    assert ledger.http.post(place, json={"reason": "another"}).json()["withdrawn"][0]["why"] == "typed in milligrams"
    accepted = ledger.http.post(f"/v1/waste/entries/{first['id']}/withdrawal", json=because)
    assert (accepted.status_code, "take it back" in accepted.json()["detail"]) == (409, True)
    assert ledger.http.post("/v1/waste/entries/none/withdrawal", json=because).status_code == 404
    asked = {"subject": f"waste:{wrong['id']}"}
    (record,) = ledger.http.get("/v1/journal", params=asked).json()["records"]
    assert record["kind"] == "waste.withdrawn"
    assert record["actor"].startswith("key:")
    assert record["body"]["entry"]["postings"][1]["grams"] == 999_000_000
    assert "holds 412500 g at floor" in record["body"]["waited_for"]
    assert verified(server)[0] == 0


def test_two_store_keepers_cannot_take_the_same_drum_out(ledger):
    first, second, *_ = ledger.life()
    ledger.post(first, second)
    taken = [ledger.entry(f"out-{number}", "retrieved", "room:1", "transit") for number in range(8)]

    def send(entry):
        with httpx2.Client(base_url=ledger.address, headers=ledger.headers, timeout=60, trust_env=False) as http:
            return http.post("/v1/waste/entries", json={"entries": [entry]}).json()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, taken))
    assert sum(len(answer["accepted"]) for answer in answers) == 1
    assert sum(len(answer["waiting"]) for answer in answers) == 7
    assert ledger.where() == {"transit": 412_500}


def test_a_drum_is_split_into_registered_bags(ledger):
    bags = [ledger.register() for _ in range(2)]
    ledger.post(ledger.life()[0])
    postings = [
        {"container": ledger.drum, "place": "floor", "grams": -412_500},
        {"container": bags[0], "place": "floor", "grams": 400_000},
        {"container": bags[1], "place": "floor", "grams": 12_500},
    ]
    split = {"id": ledger.prefix + "s", "stage": "repacked", "at": "2026-11-25T09:00:00Z", "postings": postings}
    assert ledger.post(split)["accepted"]
    assert ledger.where() == {}
    assert ledger.http.get(f"/v1/waste/containers/{bags[1]}").json()["grams"] == {"floor": 12_500}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"stage": "stored"}, "nothing that is stored leaves 'production'"),
        ({"stage": "corrected"}, "stage"),
        ({"at": "2026-11-25T08:00:00"}, "at"),
        ({"at": "0001-01-01T00:00:00+08:00"}, "before the first day of UTC"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "after the year 9000"),
        ({"at": "9001-01-01T00:00:00Z"}, "after the year 9000"),
        ({"batch": "HWXX"}, "no batch code"),
        ({"postings": [{"container": "c", "place": "floor", "grams": 5}]}, "come from nowhere"),
        ({"postings": [{"container": "c", "place": "floor", "grams": 0.5}]}, "grams"),
        ({"postings": [{"container": "c", "place": "room:1 ", "grams": 5}]}, "place"),
        ({"reason": "a\x00b"}, "reason"),
        ({"particulars": {"产生设施编码": "\x00"}}, "particulars"),
        ({"particulars": {"\x00": "MF0001"}}, "particulars"),
        ({"postings": []}, "postings"),
        ({"note": "x"}, "note"),
    ],
)
def test_a_faulty_entry_is_refused_with_all_that_came_with_it(ledger, change, says):
    good, bad = ledger.life()[0], ledger.entry("bad", "produced", "production", "floor") | change
    answer = ledger.http.post("/v1/waste/entries", json={"entries": [good, bad]})
    assert answer.status_code == 422
    assert says in answer.json()["detail"]
    assert ledger.where() == {}


def test_one_number_for_two_entries_is_refused(ledger):
    first = ledger.life()[0]
    ledger.post(first)
    other = ledger.entry("a", "produced", "production", "floor", grams=1)
    answer = ledger.http.post("/v1/waste/entries", json={"entries": [ledger.life()[1], other]})
    assert answer.status_code == 409
    assert ledger.where() == {"floor": 412_500}


def test_a_container_keeps_what_was_said_of_it(ledger):
    body = {"identity": ledger.drum, "list": "hazardous-cn", "code": "321-024-48", "name": "铝灰渣", "litres": 1000}
    assert ledger.http.post("/v1/waste/containers", json=body).status_code == 200
    assert ledger.http.post("/v1/waste/containers", json=body | {"name": "灰"}).status_code == 409
    assert ledger.http.post("/v1/waste/containers", json=body | {"code": "321-026-48"}).status_code == 422
    assert ledger.http.post("/v1/waste/containers", json=body | {"list": "hw"}).status_code == 422
    assert ledger.http.post("/v1/waste/containers", json=body | {"identity": "drum 7"}).status_code == 422
    assert ledger.http.get("/v1/waste/containers/none").status_code == 404


def test_the_ledger_can_be_read_page_by_page(ledger):
    ledger.post(*ledger.life())
    seen, after = [], 0
    while after is not None:
        page = ledger.http.get("/v1/waste/entries", params={"after": after, "limit": 3}).json()
        seen += [entry["id"] for entry in page["entries"]]
        after = page["next"]
    assert [id_ for id_ in seen if id_.startswith(ledger.prefix)] == ledger.ids("abcd")
    assert len(seen) == len(set(seen))


def test_codes_are_found_over_http(ledger):
    found = ledger.http.get("/v1/waste/codes", params={"q": "lvhuizha"}).json()["codes"]
    assert found[0]["code"] == "321-024-48"
    assert found[0]["exemptions"][0]["item"] == 22
    assert ledger.http.get("/v1/waste/codes", params={"q": "oil", "list": "hw"}).status_code == 422


def verified(server):
    """The exit code of `loadlens verify` and what it said."""
    done = server.command("verify", "--data", server.data)
    return done.returncode, done.stdout + done.stderr


def test_a_stock_that_the_entries_do_not_give_is_found(serve):
    server = serve()
    ledger = Ledger(server)
    other = ledger.register()
    ledger.post(*ledger.life()[:2])
    assert verified(server)[0] == 0
    engine = sqlalchemy.create_engine(server.database_url)
    with engine.begin() as changed:
        changed.execute(
            sqlalchemy.text("UPDATE waste_stock SET grams = 400000, since = '2026-11-26' WHERE place = 'room:1'")
        )
        put_in = "INSERT INTO waste_stock VALUES (:other, 'room:2', 5, '')"
        changed.execute(sqlalchemy.text(put_in), {"other": other})
        changed.execute(sqlalchemy.text("UPDATE waste_balances SET grams = 7 WHERE place = 'production'"))
    engine.dispose()
    code, said = verified(server)
    assert code == 1
    assert f"waste_stock {ledger.drum} / room:1: is 400000 g, but its entries add up to 412500 g" in said
    aged = "is said to be there since 2026-11-26, but by its entries since 2026-11-25T00:00:00+00:00"
    assert f"waste_stock {ledger.drum} / room:1: {aged}" in said
    assert f"waste_stock {other} / room:2: is 5 g, which no entry put there" in said
    kept = f"waste_balances {UNIT} / production / hazardous-cn / 321-024-48 / 2026"
    assert f"{kept}: is 7 g in 0 containers, but its entries add up to -412500 g in 0" in said
