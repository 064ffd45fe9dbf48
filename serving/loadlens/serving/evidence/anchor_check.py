"""The anchor against the journal: a database that was rolled back or replaced does not hold what the anchor names."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from loadlens.serving.evidence.chain import Record
from loadlens.serving.evidence.finding import Finding
from loadlens.serving.store.anchor import Head, heads_of, read_head
from loadlens.serving.store.journal import signed_message
from loadlens.serving.store.signing import is_signed


class AnchorCheck:
    """Read before the journal, so that no head is newer than it; then shown each record with the key in force."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._heads: defaultdict[int, list[tuple[str, Head]]] = defaultdict(list)
        self.unreadable: list[Finding] = []
        self.lines = 0
        for file in files:
            self._read(file)
        # The key of the oldest head: what the journal must begin with, where nobody knows better.
        self.first_key = self._heads[min(self._heads)][0][1].key if self._heads else None

    def _read(self, file: Path) -> None:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            what = "is not there: it was removed, or the setting `anchor` is not the one of a server here"
            self.unreadable.append(Finding(f"anchor {file}", what))
            return
        for number, line in enumerate(heads_of(text), start=1):
            self.lines += 1
            place = f"anchor {file}, line {number}"
            head = read_head(line)
            if head is None:
                self.unreadable.append(Finding(place, "is no head of a journal: it was changed"))
            else:
                self._heads[head.seq].append((place, head))

    def see(self, record: Record, key: str | None) -> Iterator[Finding]:
        """What is wrong with the heads that name a record, which was signed with `key`."""
        for place, head in self._heads.pop(record.seq, ()):
            if head == Head(record.seq, record.at, record.digest, key or "", record.signature):
                continue
            if is_signed(head.key, signed_message(head.digest), head.signature) and head.digest != record.digest:
                yield Finding(
                    place, f"names another record {head.seq} than the journal holds: the journal was replaced"
                )
            else:
                yield Finding(place, f"does not fit record {head.seq} of the journal: this line was changed")

    def left(self, last: int) -> Iterator[Finding]:
        """The heads that name a record behind the last one."""
        for seq in sorted(self._heads):
            for place, head in self._heads[seq]:
                what = (
                    f"names record {head.seq}, but the journal ends at record {last}: it was cut short or rolled back"
                )
                yield Finding(place, what)
