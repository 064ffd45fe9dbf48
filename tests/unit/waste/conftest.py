"""A label of dross as a smelter would print it."""

from dataclasses import replace
from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from loadlens.grading.quantity import Mass
from loadlens.waste.codes import code_list
from loadlens.waste.identity import SCHEMES, Identity
from loadlens.waste.label import Label, Producer
from loadlens.waste.plain_label import PlainLabel
from loadlens.waste.seal import Sealed, seal

UNIT = "91130200699229617X"
DAY = date(2026, 11, 25)


@pytest.fixture
def label():
    return Label(
        identity=SCHEMES["hj1276-37"].compose(Identity(UNIT, "321-024-48", DAY, 7)),
        name="铝灰渣",
        code=code_list("hazardous-cn").find("321-024-48"),
        state="solid",
        main_components="氧化铝、金属铝",
        harmful_components="氮化铝、氟化物",
        hazards=("R", "T"),
        precautions="防潮、防水，远离火源",
        producer=Producer("示例铝业有限公司", UNIT, "张三", "0310-0000000"),
        produced_on=DAY,
        mass=Mass("412.5"),
        litres=40,
        confirmed_by="user:zhang",
    )


@pytest.fixture
def plain():
    """A label of waste that is not hazardous."""
    code = code_list("eu-low").find("15 01 01")
    return PlainLabel(
        identity=SCHEMES["plain"].compose(Identity(UNIT, code.code, DAY, 7)),
        name="Cardboard",
        code=code,
        producer=Producer("示例铝业有限公司", UNIT, "张三", "0310-0000000"),
        produced_on=DAY,
        mass=Mass("87"),
        litres=1000,
        confirmed_by="user:zhang",
    )


@pytest.fixture
def changed(label):
    return lambda **fields: replace(label, **fields)


@pytest.fixture(scope="session")
def key():
    return Ed25519PrivateKey.generate()


@pytest.fixture
def link(label, key):
    return seal(Sealed(label.identity, "hazardous-cn", "2021", label.mass), key.sign, "yard.example")
