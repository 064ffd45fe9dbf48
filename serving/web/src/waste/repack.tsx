// Splitting, merging and repacking: a part goes into another container or into a new one with a label of its own, or
// others are emptied into this one. All at one place; what is elsewhere is moved here first.
import { type FormEvent, useState } from "react";
import { read, type Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { plain } from "../numbers.ts";
import { Failed } from "../parts/failed.tsx";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { gramsOf, kilograms, VOLUME } from "./places.ts";
import { mayAct } from "./roles.ts";

const NEW = "new";

interface Here {
  container: string;
  /** Where all of it stands, and how much that is. */
  at: string;
  grams: number;
}

type Standing = Shape<"Standing">;

export function Repack({ container, at, grams }: Here) {
  const words = useWords();
  const me = useMe();
  const underway = isUnderway(useOutbox(), "wasteRepack", { container });
  const [open, setOpen] = useState(false);
  if (!mayAct(me)) return null;
  if (underway) return <p className="hint">{words.t("outbox.sending")}</p>;
  return (
    <details className="step" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{words.t("waste.repack.title")}</summary>
      {open && <Ways container={container} at={at} grams={grams} />}
    </details>
  );
}

function Ways(here: Here) {
  const { value, failed, again } = useLoaded(`beside ${here.container} ${here.at}`, async () => {
    const { standing } = await read("/v1/waste/standing", {}, { place: here.at, limit: 500 });
    return standing.filter((one) => one.container !== here.container && one.place === here.at);
  });
  return (
    <>
      {failed && <Failed why={failed} again={again} />}
      {value && <TakeOut {...here} others={value} />}
      {value && value.length > 0 && <FillIn {...here} others={value} />}
    </>
  );
}

/** One entry by which grams leave some containers and arrive in others at a place. */
function useRepacked(container: string, at: string): (out: Record<string, number>, into: Record<string, number>) => void {
  const me = useMe();
  return (out, into) => {
    const posted = (all: Record<string, number>, sign: number) =>
      Object.entries(all).map(([name, grams]) => ({ container: name, place: at, grams: sign * grams }));
    const entry = { id: crypto.randomUUID(), stage: "repacked", at: new Date().toISOString(), postings: [...posted(out, -1), ...posted(into, 1)] };
    outbox.add({ who: me!.name, path: "/v1/waste/entries", body: { entries: [entry] }, ifMatch: null, text: "wasteRepack", about: { container } });
  };
}

function TakeOut({ container, at, grams, others }: Here & { others: Standing[] }) {
  const words = useWords();
  const me = useMe();
  const repacked = useRepacked(container, at);
  const [into, setInto] = useState("");
  const [fault, setFault] = useState("");
  // What the new label says, but for mass and volume, is what this one's says.
  const label = useLoaded(`label to copy ${container}`, () => read("/v1/waste/containers/{identity}/label", { identity: container }));
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const part = gramsOf(String(given.get("kg")));
    if (part === null) return setFault(words.t("waste.label.badKg"));
    if (part > grams) return setFault(words.t("waste.repack.badKg", { mass: kilograms(grams, words) }));
    if (into !== NEW) return repacked({ [container]: part }, { [into]: part });
    const litres = plain(String(given.get("litres")));
    const more = { grams: part, litres, place: at, at: new Date().toISOString(), filled_from: { [container]: part } };
    const body = { ...label.value!.text, ...more };
    outbox.add({ who: me!.name, path: "/v1/waste/labels", body, ifMatch: null, text: "wasteRepack", about: { container } });
  };
  return (
    <form onSubmit={submit} onChange={() => setFault("")}>
      <h3>{words.t("waste.repack.out")}</h3>
      <div className="fields">
        <label>
          {words.t("waste.label.kg")}
          <input name="kg" inputMode="decimal" autoComplete="off" required />
        </label>
        <label>
          {words.t("waste.repack.into")}
          <select value={into} onChange={(event) => setInto(event.target.value)} required>
            <option value="">{words.t("waste.choose")}</option>
            {label.value && <option value={NEW}>{words.t("waste.repack.new")}</option>}
            {others.map((one) => (
              <option key={one.container} value={one.container}>{`${one.name} ${one.container}`}</option>
            ))}
          </select>
        </label>
        {into === NEW && (
          <label>
            {words.t("waste.label.litres")}
            <input
              name="litres"
              inputMode="decimal"
              pattern={VOLUME}
              title={words.t("waste.badLitres")}
              defaultValue={label.value?.text.litres}
              autoComplete="off"
              required
            />
          </label>
        )}
      </div>
      <p className="problem" role="alert">
        {fault}
      </p>
      <button className="main">{words.t("waste.repack.takeOut")}</button>
    </form>
  );
}

function FillIn({ container, at, others }: Here & { others: Standing[] }) {
  const words = useWords();
  const repacked = useRepacked(container, at);
  const [chosen, setChosen] = useState<Record<string, number>>({});
  const toggle = ({ container: name, grams }: Standing, isOn: boolean): void =>
    setChosen(({ [name]: _, ...rest }) => (isOn ? { ...rest, [name]: grams } : rest));
  const total = Object.values(chosen).reduce((sum, part) => sum + part, 0);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        repacked(chosen, { [container]: total });
      }}
    >
      <h3>{words.t("waste.repack.in")}</h3>
      {others.map((one) => (
        <label key={one.container} className="tick">
          <input type="checkbox" checked={one.container in chosen} onChange={(event) => toggle(one, event.target.checked)} />
          <span>
            {one.name} {kilograms(one.grams, words)} <small>{one.container}</small>
          </span>
        </label>
      ))}
      <button className="main" disabled={total === 0}>
        {words.t("waste.repack.fillIn", { mass: kilograms(total, words) })}
      </button>
    </form>
  );
}
