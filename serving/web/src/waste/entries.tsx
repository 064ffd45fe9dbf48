// Entries of the ledger as people read them: what was done, with how much, from where to where, by whom, and why.
import { type FormEvent, useState } from "react";
import type { Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { follow } from "../route.ts";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { isTextKey, type Words } from "../texts.ts";
import { kilograms, placeName, type Room } from "./places.ts";
import { mayCorrect } from "./roles.ts";

type Entry = Shape<"EntryShown">;

interface Listed {
  entries: Entry[];
  rooms: Room[];
  /** Entries that were taken back, as far as they are known here. */
  takenBack: Set<string>;
}

export function Entries({ entries, rooms, takenBack }: Listed) {
  return (
    <ol className="history entries">
      {entries.map((entry) => (
        <li key={entry.id} className={takenBack.has(entry.id) ? "undone" : ""}>
          <EntryText entry={entry} rooms={rooms} />
          <TakeBack entry={entry} isUndone={takenBack.has(entry.id)} />
        </li>
      ))}
    </ol>
  );
}

/** Which of these entries others of them take back. */
export function undoneBy(entries: Entry[]): Set<string> {
  return new Set(entries.flatMap(({ takes_back }) => takes_back ?? []));
}

export function EntryText({ entry, rooms }: { entry: Entry; rooms: Room[] }) {
  const words = useWords();
  const key = `stage.${entry.stage}`;
  return (
    <>
      <strong>{isTextKey(key) ? words.t(key) : entry.stage}</strong> {entry.takes_back && <small>{entry.takes_back}</small>}
      <ul>
        {ways(entry, rooms, words).map((way) => (
          <li key={way.container + way.text}>
            <a {...follow(`/waste/containers/${encodeURIComponent(way.container)}`)}>{way.container}</a> {way.text}
          </li>
        ))}
      </ul>
      {entry.reason && <p>{entry.reason}</p>}
      {Object.entries(entry.particulars).map(([name, value]) => (
        <small key={name}>
          {name}: {value}
        </small>
      ))}
      <small>
        {words.t("load.by", { who: plainName(entry.actor), at: words.moment(entry.at) })} {entry.batch}
      </small>
    </>
  );
}

/** What happened to each container: from where to where, or what it gained and lost where it was repacked. */
function ways(entry: Entry, rooms: Room[], words: Words): { container: string; text: string }[] {
  return [...new Set(entry.postings.map(({ container }) => container))].map((container) => {
    const own = entry.postings.filter((posting) => posting.container === container);
    const named = (side: (grams: number) => boolean): string =>
      own.filter(({ grams }) => side(grams)).map(({ place }) => placeName(place, rooms, words)).join(", ");
    const [from, to] = [named((grams) => grams < 0), named((grams) => grams > 0)];
    const grams = own.reduce((sum, posting) => sum + Math.max(0, posting.grams), 0);
    if (from && to) return { container, text: words.t("waste.entry.way", { mass: kilograms(grams, words), from, to }) };
    const change = own.reduce((sum, posting) => sum + posting.grams, 0);
    const mass = kilograms(Math.abs(change), words);
    return { container, text: words.t(change < 0 ? "waste.entry.lost" : "waste.entry.gained", { mass, place: from || to }) };
  });
}

function TakeBack({ entry, isUndone }: { entry: Entry; isUndone: boolean }) {
  const words = useWords();
  const me = useMe();
  const [begun, setBegun] = useState(false);
  const underway = isUnderway(useOutbox(), "wasteBack", { entry: entry.id });
  if (isUndone) return <small className="doubt">{words.t("waste.entry.undone")}</small>;
  if (!mayCorrect(me) || entry.takes_back !== null || underway) return null;
  if (!begun) {
    return (
      <button type="button" className="quiet" onClick={() => setBegun(true)}>
        {words.t("waste.entry.takeBack")}
      </button>
    );
  }
  const commit = (reason: string): void => {
    const path = `/v1/waste/entries/${encodeURIComponent(entry.id)}/correction`;
    const body = { id: crypto.randomUUID(), reason };
    outbox.add({ who: me!.name, path, body, ifMatch: null, text: "wasteBack", about: { entry: entry.id } });
    setBegun(false);
  };
  return <Because text={words.t("waste.entry.why")} commit={words.t("waste.entry.takeBack")} onCommit={commit} onCancel={() => setBegun(false)} />;
}

interface Asking {
  text: string;
  commit: string;
  onCommit: (reason: string) => void;
  onCancel: () => void;
}

/** Asks for the reason of something that is out of the ordinary. */
export function Because({ text, commit, onCommit, onCancel }: Asking) {
  const words = useWords();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onCommit(String(new FormData(event.currentTarget).get("reason")).trim());
  };
  return (
    <form className="because" onSubmit={submit}>
      <label>
        {text}
        <input name="reason" maxLength={500} pattern=".*\S.*" required autoFocus />
      </label>
      <button className="main">{commit}</button>
      <button type="button" onClick={onCancel}>
        {words.t("decide.cancel")}
      </button>
    </form>
  );
}
