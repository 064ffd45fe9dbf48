// The ledger: what is where by waste, room and container; every entry, newest first; and what waits, with the reason.
import { type FormEvent, useEffect, useState } from "react";
import { place, type Query, read, type Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { Sentence } from "../parts/sentence.tsx";
import { follow, go } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Because, Entries, EntryText, undoneBy } from "./entries.tsx";
import { kilograms, placeName, type Room } from "./places.ts";
import { mayCorrect } from "./roles.ts";
import { useRooms } from "./use-rooms.ts";

const BY = ["waste", "room", "container"] as const;
type By = (typeof BY)[number];

export function LedgerPage({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const by = BY.find((one) => one === query.get("by")) ?? "waste";
  const rooms = useRooms();
  return (
    <>
      <h1>{words.t("waste.ledger.title")}</h1>
      <form className="period find" onSubmit={lookUp}>
        <label>
          {words.t("waste.ledger.find")}
          <input name="identity" maxLength={80} autoComplete="off" spellCheck={false} required />
        </label>
        <button>{words.t("waste.ledger.open")}</button>
      </form>
      <section className="card">
        <h2>{words.t("waste.ledger.balances")}</h2>
        <nav className="filters" aria-label={words.t("waste.ledger.by")}>
          {BY.map((one) => (
            <a key={one} {...follow(`/waste/ledger?by=${one}`)} aria-current={one === by ? "true" : undefined}>
              {words.t(`waste.by.${one}`)}
            </a>
          ))}
        </nav>
        {by === "container" ? <ByContainer key={query.toString()} query={query} rooms={rooms} /> : <Sums by={by} rooms={rooms} />}
      </section>
      <Waiting rooms={rooms} />
      <Newest rooms={rooms} />
    </>
  );
}

function lookUp(event: FormEvent<HTMLFormElement>): void {
  event.preventDefault();
  const identity = String(new FormData(event.currentTarget).get("identity")).trim();
  if (identity) go(`/waste/containers/${encodeURIComponent(identity)}`);
}

/** What is on site by waste or by room, with its sum. */
function Sums({ by, rooms }: { by: Exclude<By, "container">; rooms: Room[] }) {
  const words = useWords();
  const { value, failed, again } = useLoaded("stock", () => read("/v1/waste/stock"));
  useEffect(() => outbox.onDone(again), [again]);
  const keyOf = (row: Shape<"StockRow">): string => (by === "waste" ? `${row.code} ${row.list_id}` : row.place.split("/")[0]!);
  const groups = new Map<string, Shape<"StockRow">[]>();
  for (const row of value?.stock ?? []) groups.set(keyOf(row), [...(groups.get(keyOf(row)) ?? []), row]);
  const sum = (rows: Shape<"StockRow">[], what: "grams" | "containers"): number => rows.reduce((total, row) => total + row[what], 0);
  return (
    <>
      {failed && <Failed why={failed} again={again} />}
      {value && value.stock.length === 0 && <p className="empty">{words.t("waste.ledger.nothing")}</p>}
      {value && value.stock.length > 0 && (
        <>
          <Rows
            head={[words.t(`waste.column.${by}`), words.t("waste.column.containers"), words.t("waste.column.mass")]}
            figures={[1, 2]}
            rows={[...groups].map(([key, rows]) => ({
              key,
              cells: [
                by === "waste" ? (
                  <>
                    <a {...follow(place("/waste/ledger", {}, { by: "container", code: rows[0]!.code }))}>{rows[0]!.code}</a>{" "}
                    <small>{rows[0]!.name[words.language] || rows[0]!.name.zh || rows[0]!.name.en}</small>
                    <small>{words.t(`waste.list.${rows[0]!.list_id}` as "waste.list.eu-low")}</small>
                  </>
                ) : (
                  <a {...follow(place("/waste/ledger", {}, { by: "container", place: key }))}>{placeName(key, rooms, words)}</a>
                ),
                words.number(sum(rows, "containers"), 0),
                kilograms(sum(rows, "grams"), words),
              ],
            }))}
          />
          <p className="total">{words.t("waste.ledger.total", { mass: kilograms(value.grams, words) })}</p>
        </>
      )}
    </>
  );
}

function ByContainer({ query, rooms }: { query: URLSearchParams; rooms: Room[] }) {
  const words = useWords();
  const filter: Query = { place: query.get("place"), code: query.get("code"), cursor: query.get("cursor") };
  const { value, failed, again } = useLoaded(`standing ${query}`, () => read("/v1/waste/standing", {}, filter));
  useEffect(() => outbox.onDone(again), [again]);
  const told = [filter["place"] && placeName(String(filter["place"]), rooms, words), filter["code"]].filter(Boolean).join(" · ");
  return (
    <>
      {told && (
        <p>
          {words.t("waste.ledger.only", { what: told })} <a {...follow("/waste/ledger?by=container")}>{words.t("queue.all")}</a>
        </p>
      )}
      {failed && <Failed why={failed} again={again} />}
      {value && value.standing.length === 0 && <p className="empty">{words.t("waste.ledger.nothing")}</p>}
      {value && value.standing.length > 0 && (
        <Rows
          head={(["container", "waste", "room", "mass"] as const).map((name) => words.t(`waste.column.${name}`))}
          figures={[3]}
          rows={value.standing.map((row) => ({
            key: `${row.container} ${row.place}`,
            cells: [
              <a {...follow(`/waste/containers/${encodeURIComponent(row.container)}`)}>{row.container}</a>,
              <>
                {row.name} <small>{row.code}</small>
              </>,
              placeName(row.place, rooms, words),
              kilograms(row.grams, words),
            ],
          }))}
        />
      )}
      {value?.next_cursor && (
        <a {...follow(place("/waste/ledger", {}, { ...filter, by: "container", cursor: value.next_cursor }))}>{words.t("queue.next")}</a>
      )}
    </>
  );
}

function Newest({ rooms }: { rooms: Room[] }) {
  const words = useWords();
  const [after, setAfter] = useState(0);
  const { value, failed, again } = useLoaded(`newest entries ${after}`, () => read("/v1/waste/entries", {}, { order: "newest", after, limit: 30 }));
  useEffect(() => outbox.onDone(again), [again]);
  return (
    <section className="card">
      <h2>{words.t("waste.ledger.entries")}</h2>
      {failed && <Failed why={failed} again={again} />}
      {value && value.entries.length === 0 && <p className="empty">{words.t("waste.ledger.noEntries")}</p>}
      {value && <Entries entries={value.entries} rooms={rooms} takenBack={undoneBy(value.entries)} />}
      <p className="papers">
        {after > 0 && (
          <button type="button" onClick={() => setAfter(0)}>
            {words.t("waste.ledger.newest")}
          </button>
        )}
        {value?.next != null && (
          <button type="button" onClick={() => setAfter(value.next!)}>
            {words.t("waste.ledger.older")}
          </button>
        )}
      </p>
    </section>
  );
}

/** Entries that wait for what they need: made without a network, perhaps, and come before what they build on. */
function Waiting({ rooms }: { rooms: Room[] }) {
  const words = useWords();
  const me = useMe();
  const entries = useOutbox();
  const [chosen, setChosen] = useState<string | null>(null);
  const { value, again } = useLoaded("waiting entries", () => read("/v1/waste/entries", {}, { limit: 1 }));
  useEffect(() => outbox.onDone(again), [again]);
  const waiting = (value?.waiting ?? []).filter(({ id }) => !isUnderway(entries, "wasteWithdraw", { entry: id }));
  if (waiting.length === 0) return null;
  const withdraw = (id: string, reason: string): void => {
    const path = `/v1/waste/entries/${encodeURIComponent(id)}/withdrawal`;
    outbox.add({ who: me!.name, path, body: { reason }, ifMatch: null, text: "wasteWithdraw", about: { entry: id } });
    setChosen(null);
  };
  return (
    <section className="card">
      <h2>{words.t("waste.ledger.waiting", { n: waiting.length })}</h2>
      <ol className="history entries">
        {waiting.map((entry) => (
          <li key={entry.id}>
            <EntryText entry={entry} rooms={rooms} />
            <p className="doubt">
              <Sentence code="waste" why={entry.why} />
            </p>
            {mayCorrect(me) && chosen !== entry.id && (
              <button type="button" className="quiet" onClick={() => setChosen(entry.id)}>
                {words.t("waste.ledger.withdraw")}
              </button>
            )}
            {chosen === entry.id && (
              <Because
                text={words.t("waste.ledger.withdrawWhy")}
                commit={words.t("waste.ledger.withdraw")}
                onCommit={(reason) => withdraw(entry.id, reason)}
                onCancel={() => setChosen(null)}
              />
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
