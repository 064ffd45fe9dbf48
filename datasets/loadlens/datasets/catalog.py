"""The public picture sets we know: source, licence, how to verify them, and what their labels mean in our classes.

No picture is part of this project. A set lies in a folder that the user gives; `verify_set` tells whether it is the one
our numbers were measured on. What a set is worth, and its faults, stand in cards/<id>.md.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})

# What the trader's folders are called, and the form each shows.
FORM_OF_FOLDER: Mapping[str, str] = {
    "Alternators": "alternators",
    "Auto_Factory_Bales": "auto_factory_bales",
    "Blue_Steel": "blue_steel",
    "Cast_Iron_Boring": "cast_iron_borings",
    "Cast_Iron_Briquettes": "cast_iron_briquettes",
    "Grinding_Media": "grinding_media",
    "HMS_1": "hms_1",
    "HMS_80_20": "hms_80_20",
    "Manganese_Scrap": "manganese_castings",
    "Mic_Railway_Scrap": "railway_mixed",
    "New_Black_Bales": "new_black_bales",
    "Railway_Axels": "railway_axles",
    "Railway_Lines": "rails",
    "Railway_Wheels": "railway_wheels",
    "Rolling_Scrap": "rolling_scrap",
    "Shredded": "shredded",
    "Tin_Can_Shredded_Scrap": "shredded_tin_cans",
    "Tin_Plate_Sheet_Scrap": "tinplate_sheet",
    "Tin_Sheet_Bundles": "tin_sheet_bundles",
    "Used_Beverage_Can_Bales": "can_bales",
    "Wire_Bales": "wire_bales",
    "lms": "light_melting_bales",
    "pns": "plate_structural",
    "turning_boring": "turnings",
}


class UnknownSetError(ValueError):
    """A data set id that the catalogue does not hold."""


@dataclass(frozen=True, slots=True)
class DataSet:
    """One public set; `digest` is the SHA-256 over its pictures' sorted SHA-256s, so file names do not matter.

    `classes` says what a label of the source means in our taxonomy; a label that is absent teaches no surface class.
    """

    id: str
    title: str
    source: str
    licence: str
    folder: str
    pictures: int
    digest: str
    classes: Mapping[str, str] = field(default_factory=dict)


CATALOG: Mapping[str, DataSet] = {
    entry.id: entry
    for entry in (
        DataSet(
            id="scrap_grades",
            title="Photos of 24 commercial scrap grades in containers and piles",
            source="https://github.com/digvijaysingh1707/scrapmetal_classification",
            licence="none stated",
            folder="scrap_grades",
            pictures=369,
            digest="13c5090a14d57ff9735e6bfa912a4badfd0069c2ae2dd33c50572be0b95e4824",
            classes=FORM_OF_FOLDER,
        ),
        DataSet(
            id="crane_frames",
            title="Crane-camera frames of rail wagons emptied by magnet",
            source="https://github.com/ChiragVaghela10/automated_metal_scrap_classification",
            licence="GPL-3.0 (the repository's)",
            folder="unloading_frames",
            pictures=35,
            digest="7747a69b24b31094ae142655a215caf91f5559e7284e1a4eadd974ffd63221de",
            classes={"turnings": "turnings", "turnings_residue": "bed_floor", "shredded": "shredded"},
        ),
        DataSet(
            id="construction_waste_scenes",
            title="Wood, brick, concrete and rubber on a dark belt, with polygons",
            source="https://github.com/Bazenr/Dataset-of-stacked-construction-solid-waste",
            licence="CC BY-NC-SA 4.0",
            folder="contaminants/cdw",
            pictures=7,
            digest="e389414adfeb5bc4ff8c27d38692362d734107e25cdfc9a083ce3835940120dd",
            classes={"wood": "wood", "brick": "brick", "concrete": "concrete", "rubber": "rubber"},
        ),
        DataSet(
            id="construction_waste",
            title="Cut-outs of wood, brick, concrete and rubber, made along the source's polygons",
            source="https://github.com/Bazenr/Dataset-of-stacked-construction-solid-waste",
            licence="CC BY-NC-SA 4.0",
            folder="contaminants/cdw_cutouts",
            pictures=175,
            digest="37882ae4724962a00b86bb3b3b5c26a209b256a4100493aedadd51f5cb69faa7",
            classes={"wood": "wood", "brick": "brick", "concrete": "concrete", "rubber": "rubber"},
        ),
        DataSet(
            id="gas_cylinders",
            title="Video frames of three LPG cylinders, and water jugs as counter-examples",
            source="https://github.com/kunj290506/GAS-CYLINDER-CLASSIFICATION",
            licence="none stated",
            folder="contaminants/gas_cylinder",
            pictures=41,
            digest="3d9de48a471caf558ced1ea3a11cee647ccaca156451b89c4058853ca56fb24c",
            classes={"gas_cylinder": "gas_cylinder"},
        ),
        DataSet(
            id="waste",
            title="Household and electronic waste, piece by piece: TrashNet, web pictures, e-waste, batteries",
            source="https://github.com/garythung/trashnet and three more, see the card",
            licence="none stated for the web pictures and batteries; TrashNet MIT; e-waste CC BY 4.0",
            folder="waste",
            pictures=864,
            digest="337129fffc6621035f519e993b9b658992d46ab217236a08bb7a7a6650f66cdc",
            classes={
                "wood": "wood",
                "textile": "textile",
                "plastic": "plastic",
                "paper_cardboard": "paper",
                "glass": "glass",
                "battery": "battery",
            },
        ),
        DataSet(
            id="landfill_waste",
            title="Pieces of waste as they came to a landfill, one by one: five of the nine folders of RealWaste",
            source="https://github.com/sam-single/realwaste",
            licence="CC BY-NC-SA 4.0",
            folder="landfill_waste",
            pictures=3067,
            digest="0855cd01d59e0b12d7ed7c73d495b9e7d23fad3e902d26139caa68bb20975610",
            classes={"Glass": "glass", "Paper": "paper", "Plastic": "plastic"},
        ),
        DataSet(
            id="imagenet_samples",
            title="One picture of each ImageNet class",
            source="https://github.com/EliSchwartz/imagenet-sample-images",
            licence="as ImageNet: for research",
            folder="imagenet_samples",
            pictures=1000,
            digest="43864f7756c83ef4432ee0236dea9493c10fba9290920508ca3f068c3006147b",
        ),
        DataSet(
            id="rust",
            title="Web pictures of rusty plates, pipes and chains",
            source="https://github.com/pjsun2012/Phase5_Capstone-Project",
            licence="none stated; web pictures",
            folder="textures/rust",
            pictures=46,
            digest="2f8fb6c74aa7ad37be83e8f9b7b59d3da7348d6853b9956c572065740b9f0193",
            classes={"rust": "rust_scale"},
        ),
        DataSet(
            id="soil",
            title="Peat and silt soil",
            source="https://github.com/nhahub/NHA-078",
            licence="MIT (the repository's); web pictures",
            folder="textures/soil",
            pictures=33,
            digest="8d2db63216e248f93d264cde0c850a0e23fb39c96cfc0b118f3ed8f4ef074ae3",
            classes={"soil": "soil"},
        ),
        DataSet(
            id="truck_box",
            title="One mock truck box with heavy scrap",
            source="https://github.com/SongJgit/Steel-scrap",
            licence="none stated",
            folder="truck_bed_lab",
            pictures=2,
            digest="5af27c2ccd5ac7e0d5fcb379dc08774f384d6623de1273c825905422cee45a52",
        ),
        DataSet(
            id="not_scrap",
            title="Pictures of anything but scrap",
            source="https://github.com/google-coral/test_data",
            licence="Apache-2.0",
            folder="ood_negatives",
            pictures=8,
            digest="07f0cb628ad4a85d5d7fe95b97ea78622a275a1dfee220d864458216d9252499",
        ),
    )
}


def find_set(set_id: str) -> DataSet:
    """The set of an id; raises UnknownSetError, which names the ids there are."""
    if set_id not in CATALOG:
        raise UnknownSetError(f"no data set {set_id!r} in the catalogue; there are {', '.join(CATALOG)}")
    return CATALOG[set_id]


def card_text(set_id: str) -> str:
    """The data card as Markdown: the catalogue's facts, then what the set is worth and its faults."""
    entry = find_set(set_id)
    card = resources.files(__package__) / "cards" / f"{set_id}.md"
    return (
        f"# {entry.title}\n\n"
        f"Source: {entry.source}\nLicence: {entry.licence}\nPictures: {entry.pictures}\nDigest: {entry.digest}\n\n"
        f"{card.read_text(encoding='utf-8')}"
    )


def pictures_in(folder: Path) -> list[Path]:
    """Every picture below a folder, in order of its path."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURE_SUFFIXES and path.is_file())


def digest_of(sha256s: Iterable[str]) -> str:
    """One SHA-256 over the pictures' own, whatever their names and order."""
    return hashlib.sha256("\n".join(sorted(sha256s)).encode()).hexdigest()


def verify_set(entry: DataSet, folder: Path) -> str | None:
    """None where the folder holds exactly the pictures of the set, else one line that says what differs."""
    sha256s = [hashlib.sha256(path.read_bytes()).hexdigest() for path in pictures_in(folder)]
    if len(sha256s) != entry.pictures:
        return f"{folder}: {len(sha256s)} pictures, but {entry.id} has {entry.pictures}"
    if digest_of(sha256s) != entry.digest:
        return f"{folder}: as many pictures as {entry.id}, but not the same bytes"
    return None


def material_box(file: str) -> tuple[float, float, float, float] | None:
    """Where a photo of scrap_grades shows hardly anything but its material: left, top, right, bottom in 0..1.

    `file` is the path inside the set, such as `HMS_1/13.jpg`. None where hardly any of the picture is the material.
    Raises KeyError for a folder that the set does not have.
    """
    folder, _, name = file.partition("/")
    entry = _material_boxes()[folder]
    box = entry["exceptions"].get(name, entry["box"])
    return None if box is None else (box[0], box[1], box[2], box[3])


def scene_of(file: str) -> str:
    """The scene that a photo of scrap_grades shows: equal for photos that must stay on one side of a split.

    `file` is the path inside the set. The source's own groups miss many views of one load, so ours join both.
    """
    return _scenes().get(file, file)


@cache
def _scenes() -> dict[str, str]:
    text = (resources.files(__package__) / "annotations" / "scrap_grades_scenes.json").read_text(encoding="utf-8")
    return {file: files[0] for files in json.loads(text)["scenes"] for file in files}


@cache
def _material_boxes() -> dict[str, Any]:
    text = (resources.files(__package__) / "annotations" / "scrap_grades.json").read_text(encoding="utf-8")
    folders: dict[str, Any] = json.loads(text)["folders"]
    return folders
