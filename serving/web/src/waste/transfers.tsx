// Transfers of waste to others: those there are, and a new one.
import { type FormEvent, useEffect, useState } from "react";
import { read, type Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { plain } from "../numbers.ts";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { follow } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { kilograms, MASS, placeName, roughly } from "./places.ts";
import { mayAct } from "./roles.ts";
import { useRooms } from "./use-rooms.ts";

const PARTIES = ["sender", "carrier", "receiver"] as const;

export function TransfersPage() {
  const words = useWords();
  const isActor = mayAct(useMe());
  const [begun, setBegun] = useState(false);
  const { value, failed, again } = useLoaded("manifests", () => read("/v1/waste/manifests"));
  useEffect(() => outbox.onDone(again), [again]);
  return (
    <>
      <h1>{words.t("waste.transfers.title")}</h1>
      {isActor && !begun && (
        <div className="choices">
          <button type="button" className="main" onClick={() => setBegun(true)}>
            {words.t("waste.transfers.new")}
          </button>
        </div>
      )}
      {begun && <NewTransfer last={value?.manifests[0] ?? null} onClose={() => setBegun(false)} />}
      {failed && <Failed why={failed} again={again} />}
      {value && value.manifests.length === 0 && <p className="empty">{words.t("waste.transfers.none")}</p>}
      {value && value.manifests.length > 0 && (
        <section className="card">
          <Rows
            head={(["manifest", "state", "receiver", "carrier", "mass"] as const).map((name) => words.t(`waste.column.${name}`))}
            figures={[4]}
            rows={value.manifests.map((one) => ({
              key: one.id,
              cells: [
                <a {...follow(`/waste/transfers/${encodeURIComponent(one.id)}`)}>{one.id}</a>,
                <>
                  {words.t(`transfer.${one.state}`)}
                  {one.flags.length > 0 && <small className="doubt">{words.t("waste.transfers.flags", { n: one.flags.length })}</small>}
                </>,
                one.receiver,
                <>
                  {one.carrier} <small>{one.plate}</small>
                </>,
                roughly(one.grams, words),
              ],
            }))}
          />
        </section>
      )}
    </>
  );
}

/** `last` is the newest transfer: the next one often goes the same way. */
function NewTransfer({ last, onClose }: { last: Shape<"ManifestShown"> | null; onClose: () => void }) {
  const words = useWords();
  const me = useMe();
  const rooms = useRooms();
  const { value, failed, again } = useLoaded("standing to send", () => read("/v1/waste/standing", {}, { limit: 500 }));
  const [chosen, setChosen] = useState<Set<string>>(new Set());
  const underway = isUnderway(useOutbox(), "wasteTransfer", {});
  const keyOf = (row: Shape<"Standing">): string => `${row.container} ${row.place}`;
  const [wanted, setWanted] = useState("");
  const rows = (value?.standing ?? []).filter((row) => chosen.has(keyOf(row)));
  const told = (row: Shape<"Standing">): string => `${row.container} · ${row.code} · ${placeName(row.place, rooms, words)}`;
  // What is chosen stays in sight, whatever is looked for.
  const shown = (value?.standing ?? []).filter((row) => chosen.has(keyOf(row)) || `${row.name} ${told(row)}`.toLowerCase().includes(wanted));
  const toggle = (key: string, isOn: boolean): void => {
    const next = new Set(chosen);
    if (isOn) next.add(key);
    else next.delete(key);
    setChosen(next);
  };
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string): string => String(given.get(name)).trim();
    const id = text("id");
    const body = {
      id,
      sender: text("sender"),
      carrier: text("carrier"),
      receiver: text("receiver"),
      permit: text("permit"),
      method: text("method"),
      plate: text("plate"),
      tolerance_kg: plain(text("tolerance")),
      lines: rows.map(({ container, place, grams }) => ({ container, place, grams })),
    };
    outbox.add({ who: me!.name, path: "/v1/waste/manifests", body, ifMatch: null, text: "wasteTransfer", about: { manifest: id } });
    onClose();
  };
  if (underway) return <p className="hint">{words.t("outbox.sending")}</p>;
  return (
    <form className="card" onSubmit={submit}>
      <h2>{words.t("waste.transfers.new")}</h2>
      <div className="fields">
        <label>
          {words.t("waste.column.manifest")}
          <input name="id" pattern="[A-Za-z0-9_][A-Za-z0-9_.\-]{0,55}" title={words.t("waste.transfers.idHint")} required autoFocus />
        </label>
        {PARTIES.map((party) => (
          <label key={party}>
            {words.t(`party.${party}`)}
            <input name={party} maxLength={200} defaultValue={last?.[party] ?? ""} required />
          </label>
        ))}
        <label>
          {words.t("waste.transfers.permit")}
          <input name="permit" maxLength={200} defaultValue={last?.permit ?? ""} />
        </label>
        <label>
          {words.t("waste.transfers.method")}
          <input name="method" maxLength={200} defaultValue={last?.method ?? ""} required />
        </label>
        <label>
          {words.t("waste.transfers.plate")}
          <input name="plate" maxLength={32} defaultValue={last?.plate ?? ""} required />
        </label>
        <label>
          {words.t("waste.transfers.tolerance")}
          <input
            name="tolerance"
            inputMode="decimal"
            pattern={MASS}
            title={words.t("waste.label.badKg")}
            defaultValue={last ? String(Number(last.tolerance_kg)) : ""}
            required
          />
        </label>
      </div>
      <fieldset>
        <legend>{words.t("waste.transfers.what")}</legend>
        {failed && <Failed why={failed} again={again} />}
        {value?.standing.length === 0 && <p>{words.t("waste.ledger.nothing")}</p>}
        {value && value.standing.length > 0 && (
          <label>
            {words.t("waste.transfers.find")}
            <input type="search" autoComplete="off" onChange={(event) => setWanted(event.target.value.trim().toLowerCase())} />
          </label>
        )}
        {shown.map((row) => (
          <label key={keyOf(row)} className="tick">
            <input type="checkbox" checked={chosen.has(keyOf(row))} onChange={(event) => toggle(keyOf(row), event.target.checked)} />
            <span>
              {row.name} {kilograms(row.grams, words)} <small>{told(row)}</small>
            </span>
          </label>
        ))}
      </fieldset>
      <p>{words.t("waste.transfers.chosen", { n: rows.length, mass: kilograms(rows.reduce((sum, { grams }) => sum + grams, 0), words) })}</p>
      <div className="choices">
        <button className="main" disabled={rows.length === 0}>
          {words.t("waste.transfers.make")}
        </button>
        <button type="button" onClick={onClose}>
          {words.t("decide.cancel")}
        </button>
      </div>
    </form>
  );
}
