"""A bundle, checked with nothing but itself and the key that its reader trusts."""

import hashlib
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadlens.serving.evidence.blob_check import DROPPED
from loadlens.serving.evidence.bundle import SCHEMA, named_frames
from loadlens.serving.evidence.chain import START, ChainCheck, Record
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.evidence.recompute import AssessmentCheck
from loadlens.serving.evidence.verify import Verdict
from loadlens.serving.store.anchor import Head
from loadlens.serving.store.errors import BlobMissingError
from loadlens.serving.store.journal import record_digest, signed_message, subject_part
from loadlens.serving.store.row_facts import fact
from loadlens.serving.store.signing import is_signed

_TEXTS = ("observation", "inputs", "report")
_DIGEST_NAMED = re.compile(r"(standards|pictures|maps)/([0-9a-f]{64})\.(toml|jpg|npz)")
# The tables whose rows name what lies in a folder; a standard is named by the assessments.
_NAMED_BY = {"pictures": ("frames", "pictures"), "maps": ("layer_maps",)}
# A bundle comes from elsewhere: what it unpacks to is limited, in bytes for each file.
_LARGEST = 2**30


class BundleError(ValueError):
    """A file that is no bundle; the message says why."""


def verify_bundle(file: Path, trusted_key: str | None = None) -> Verdict:
    """Check a bundle. Raises BundleError where it is none."""
    try:
        with zipfile.ZipFile(file) as bundle:
            return _BundleCheck(bundle, trusted_key).verdict
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, OSError) as error:
        raise BundleError(f"{file} is no bundle of a load, or is damaged: {error}") from error


class _BundleCheck:
    def __init__(self, bundle: zipfile.ZipFile, trusted_key: str | None) -> None:
        self._bundle = bundle
        self._about = json.loads(self._read("bundle.json"))
        if self._about["schema"] != SCHEMA:
            raise BundleError(f"it is {self._about['schema']!r}, not {SCHEMA!r}; check it with the version it names")
        self._load = self._about["load"]
        self._rows: dict[str, list[dict[str, Any]]] = {}
        self._dropped: set[str] = set()
        self._records = 0
        self.verdict = Verdict()
        self._keys = dict(self._check_keys(trusted_key))
        self.verdict.findings += self._check_journal()
        assessments = AssessmentCheck()
        self.verdict.findings += self._check_assessments(assessments)
        pictures = list(self._check_files())
        self.verdict.notes += assessments.notes
        self.verdict.counts = {
            "records": self._records,
            "assessments": assessments.checked,
            "pictures": len([name for name in bundle.namelist() if name.startswith("pictures/")]),
        }
        self.verdict.findings += pictures

    def _read(self, name: str) -> bytes:
        if self._bundle.getinfo(name).file_size > _LARGEST:
            raise BundleError(f"{name} is larger than {_LARGEST >> 20} MiB")
        return self._bundle.read(name)

    def _check_keys(self, trusted_key: str | None) -> Iterator[tuple[int, str]]:
        """Each key and the record behind which it is in force; every one is introduced by the one before it."""
        chain = ChainCheck()
        for entry in self._about["keys"]:
            record = Record(**entry)
            chain.seq, chain.digest = record.seq - 1, record.previous
            self.verdict.findings += chain.see(record)
            if chain.key is not None:
                yield record.seq, chain.key
        self.verdict.key = chain.first_key
        if trusted_key is not None and chain.first_key != trusted_key:
            what = f"begins with the key {chain.first_key}, not {trusted_key}: it was forged"
            self.verdict.findings.append(Finding("journal record 1", what))

    def _key_at(self, seq: int) -> str | None:
        """The key that signed a record."""
        return next((key for since, key in reversed(self._keys.items()) if since < seq or since == seq == 1), None)

    def _check_journal(self) -> Iterator[Finding]:
        own = subject_part(f"load:{self._load}")
        seq: int | None = None
        digest = START
        for line in self._read("journal.jsonl").splitlines():
            entry = json.loads(line)
            place = f"journal record {entry['seq']}"
            if seq is not None and entry["seq"] != seq + 1:
                yield Finding(place, f"records {seq + 1} to {entry['seq'] - 1} are missing before it")
            if "body" in entry:
                record = Record(**entry)
                yield from self._check_record(record, digest if seq is not None else record.previous)
                digest = record.digest
            else:
                if entry["subject_part"] == own:
                    yield Finding(place, "is of this load and was left out")
                digest = record_digest(digest, entry["subject_part"], entry["content_part"])
            seq = entry["seq"]
        head = Head(**self._about["head"])
        if (head.seq, head.digest) != (seq, digest):
            yield Finding(
                "journal head", f"is record {head.seq}, but the records of the bundle lead to another: one was changed"
            )
        if not self._is_signed(head.seq, head.digest, head.signature):
            yield Finding("journal head", "is not signed by the key in force: it was forged")

    def _check_record(self, record: Record, previous: str) -> Iterator[Finding]:
        self._records += 1
        if record.subject != f"load:{self._load}":
            yield Finding(record.place, "is not of this load")
        if record.previous != previous:
            yield Finding(record.place, "does not follow the record before it: one of the two was changed")
        if record.digest_now(record.previous) != record.digest:
            yield Finding(record.place, "is not what its digest says: it was changed")
        if not self._is_signed(record.seq, record.digest, record.signature):
            yield Finding(record.place, "is not signed by the key in force: it was forged")
        body = json.loads(record.body)
        if record.kind == DROPPED:
            self._dropped.update(body["blobs"])
        for facts in body.get("rows", ()):
            for values in facts["values"]:
                self._rows.setdefault(facts["table"], []).append(dict(zip(facts["columns"], values, strict=True)))

    def _is_signed(self, seq: int, digest: str, signature: str) -> bool:
        key = self._key_at(seq)
        return key is not None and is_signed(key, signed_message(digest), signature)

    def _check_assessments(self, check: AssessmentCheck) -> Iterator[Finding]:
        recorded = {row["version"]: row for row in self._rows.get("assessments", ())}
        for version, row in recorded.items():
            place = f"assessment {version} of load {self._load}"
            try:
                texts = {name: self._read(f"assessments/{version}/{name}.json").decode() for name in _TEXTS}
            except KeyError:
                yield Finding(place, "is missing from the bundle")
                continue
            changed = [name for name in _TEXTS if fact(texts[name]) != row[name]]
            for name in changed:
                yield Finding(f"assessments/{version}/{name}.json", "is not what the journal recorded: it was changed")
            sha256 = json.loads(texts["inputs"])["standard"]["sha256"]
            if f"standards/{sha256}.toml" not in self._bundle.namelist():
                yield Finding(f"standards/{sha256}.toml", f"is missing; {place} was made by it")
            elif not changed:
                standard = self._read(f"standards/{sha256}.toml")
                yield from check.check(place, texts, standard, self._map)
                yield from self._check_named(place, texts)

    def _map(self, sha256: str) -> bytes:
        try:
            return self._read(f"maps/{sha256}.npz")
        except KeyError:
            raise BlobMissingError(sha256) from None

    def _check_named(self, place: str, texts: Mapping[str, str]) -> Iterator[Finding]:
        """The frames that an assessment rests on, and the maps that a person drew on, are there."""
        sealed = {row["sha256"] for row in self._rows.get("frames", ())}
        frames = named_frames(json.loads(texts["report"]))
        for sha256 in sorted(frames - sealed):
            yield Finding(place, f"rests on a frame that was not sealed with the load, SHA-256 {sha256}")
        correction = json.loads(texts["inputs"])["correction"] or {}
        maps = {layer["map_sha256"] for layer in correction.get("layers", ())} - {None}
        names = {f"pictures/{sha256}.jpg": sha256 for sha256 in frames} | {
            f"maps/{sha256}.npz": sha256 for sha256 in maps
        }
        for name in sorted(names.keys() - self._bundle.namelist()):
            if names[name] not in self._dropped:
                yield Finding(name, f"is missing; {place} rests on it")

    def _check_files(self) -> Iterator[Finding]:
        """Every file that is named by its digest has it, and the journal knows every picture and every map."""
        known = {
            folder: {row["sha256"] for table in tables for row in self._rows.get(table, ())}
            for folder, tables in _NAMED_BY.items()
        }
        for name in self._bundle.namelist():
            named = _DIGEST_NAMED.fullmatch(name)
            if named is None:
                continue
            folder, sha256, _ = named.groups()
            if hashlib.sha256(self._read(name)).hexdigest() != sha256:
                yield Finding(name, "its bytes are not those of its digest: it was changed")
            elif folder in known and sha256 not in known[folder]:
                yield Finding(name, "no record of the load names it: it was put in")
