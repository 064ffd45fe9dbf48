"""The plant of the waste demo: twelve rooms and thirty wastes of an aluminium smelter, and what happens in some days.

The codes are those of the list of 2021, whose text was read; the edition of 2025 is in force and was not read. Names,
masses and rooms are made up.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from loadlens.waste.identity import SCHEMES, Identity

UNIT, LIST = "91130200699229617X", "hazardous-cn"
ROOMS = {
    "cathode": "大修渣库",
    "dross-1": "铝灰库一",
    "dross-2": "铝灰库二",
    "carbon": "炭渣库",
    "dust": "集尘灰库",
    "oil-1": "废油库一",
    "oil-2": "废油库二",
    "emulsion": "乳化液库",
    "paint": "漆渣库",
    "battery": "电池库",
    "packaging": "沾染物库",
    "laboratory": "实验室废物库",
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A waste: its code, what the plant calls it, its room, and its containers in litres and about so many kg."""

    code: str
    name: str
    room: str
    litres: int
    kg: int


KINDS = (
    Kind("321-023-48", "大修渣", "cathode", 1000, 900),
    Kind("321-024-48", "铝灰渣", "dross-1", 1000, 800),
    Kind("321-024-48", "盐渣", "dross-1", 1000, 850),
    Kind("321-024-48", "二次铝灰", "dross-2", 1000, 700),
    Kind("321-025-48", "炭渣", "carbon", 1000, 750),
    Kind("321-026-48", "铝材加工铝灰渣", "dross-2", 1000, 650),
    Kind("321-034-48", "熔炼烟气集尘灰", "dust", 1000, 400),
    Kind("900-214-08", "废发动机油", "oil-1", 200, 170),
    Kind("900-214-08", "废制动器油", "oil-1", 200, 165),
    Kind("900-214-08", "废齿轮油", "oil-1", 200, 175),
    Kind("900-216-08", "废防锈油", "oil-1", 200, 160),
    Kind("900-217-08", "废工业齿轮油", "oil-1", 200, 172),
    Kind("900-218-08", "废液压油", "oil-2", 200, 168),
    Kind("900-219-08", "废冷冻机油", "oil-2", 200, 158),
    Kind("900-220-08", "废变压器油", "oil-2", 200, 166),
    Kind("900-221-08", "废燃料油", "oil-2", 200, 170),
    Kind("900-221-08", "燃料油泥", "oil-2", 200, 210),
    Kind("900-249-08", "其他废矿物油", "oil-2", 200, 169),
    Kind("900-249-08", "沾染矿物油的包装物", "packaging", 1000, 60),
    Kind("900-006-09", "废切削液", "emulsion", 200, 195),
    Kind("900-252-12", "漆渣", "paint", 200, 140),
    Kind("900-023-29", "含汞灯管", "laboratory", 50, 12),
    Kind("900-052-31", "废铅蓄电池", "battery", 1000, 600),
    Kind("900-039-49", "废活性炭", "packaging", 1000, 300),
    Kind("900-041-49", "沾染包装物", "packaging", 1000, 55),
    Kind("900-041-49", "沾染过滤吸附介质", "packaging", 1000, 80),
    Kind("900-044-49", "废镉镍电池", "battery", 50, 35),
    Kind("900-044-49", "废荧光粉", "laboratory", 50, 20),
    Kind("900-045-49", "废电路板", "laboratory", 200, 70),
    Kind("900-047-49", "实验室废液", "laboratory", 50, 40),
)


@dataclass
class Plant:
    """Draws what happens to the waste of each kind; `stock` holds containers in store, with their grams and room."""

    began: datetime
    drawn: random.Random
    stock: list[tuple[str, int, str]] = field(default_factory=list)
    number: int = 0
    made: int = 0

    def day(self, day: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The containers and the entries of a day, as the API takes them."""
        containers: list[dict[str, Any]] = []
        entries: list[dict[str, Any]] = []
        morning = self.began + timedelta(days=day)
        for index, kind in enumerate(KINDS):
            at = morning + timedelta(minutes=10 * index)
            container, grams = self._new(kind, at), 1000 * kind.kg + self.drawn.randrange(-5000, 5000)
            containers.append(container)
            entries += self._into_store(container["identity"], grams, kind.room, at)
        entries += self._leaving(morning + timedelta(hours=8))
        box, repacked = self._repacked(morning + timedelta(hours=9))
        return [*containers, box], [*entries, repacked]

    def _new(self, kind: Kind, at: datetime) -> dict[str, Any]:
        self.made += 1
        identity = SCHEMES["plain"].compose(Identity(UNIT, kind.code, at.date(), self.made))
        about = {"list": LIST, "code": kind.code, "name": kind.name, "litres": kind.litres}
        return {"identity": identity, **about}

    def _into_store(self, identity: str, grams: int, room: str, at: datetime) -> Iterator[dict[str, Any]]:
        yield self._entry("produced", at, (identity, "production", -grams), (identity, "floor", grams))
        place = f"room:{room}"
        yield self._entry("stored", at + timedelta(hours=1), (identity, "floor", -grams), (identity, place, grams))
        self.stock.append((identity, grams, place))

    def _leaving(self, at: datetime) -> Iterator[dict[str, Any]]:
        """Some of what is in store is weighed again, treated here, or handed over."""
        for _ in range(len(KINDS) // 3):
            identity, grams, place = self.stock.pop(self.drawn.randrange(len(self.stock)))
            dust = self.drawn.randrange(1, 200)
            taken = (identity, place, -dust), (identity, "weighing", dust)
            yield self._entry("reweighed", at, *taken, reason="weighed again before it leaves")
            grams -= dust
            yield self._entry("retrieved", at, (identity, place, -grams), (identity, "transit", grams))
            end, said = (
                ("treated", {"自行利用/处置方式": "示例方式"})
                if self.drawn.random() < 0.2
                else ("handed_over", {"接收单位名称": "示例处置公司", "利用/处置方式": "示例方式"})
            )
            yield self._entry(end, at, (identity, "transit", -grams), (identity, end, grams), particulars=said)

    def _repacked(self, at: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
        """A part of one container goes into a new one of the same waste."""
        index = self.drawn.randrange(len(self.stock))
        identity, grams, place = self.stock[index]
        kind = next(kind for kind in KINDS if kind.code == identity.split(".")[1])
        box, part = self._new(kind, at), grams // 3
        self.stock[index] = identity, grams - part, place
        self.stock.append((box["identity"], part, place))
        return box, self._entry("repacked", at, (identity, place, -part), (box["identity"], place, part))

    def _entry(self, stage: str, at: datetime, *postings: tuple[str, str, int], **more: Any) -> dict[str, Any]:
        self.number += 1
        lines = [dict(zip(("container", "place", "grams"), posting, strict=True)) for posting in postings]
        return {"id": f"demo-{self.number}", "stage": stage, "at": at.isoformat(), "postings": lines, **more}
