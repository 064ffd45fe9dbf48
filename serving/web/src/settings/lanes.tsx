// The lanes, and when a weighing of a lane's scale is taken without a person.
import { type FormEvent } from "react";
import { place, read, type Shape } from "../api.ts";
import { Failed } from "../parts/failed.tsx";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";
import { useLoaded } from "../use-loaded.ts";

const LIMITS = ["gross_above_kg", "tare_below_kg"] as const;

export function Lanes() {
  const words = useWords();
  const role = useMe()?.role;
  const mayChange = role === "manager" || role === "admin";
  const { value, failed, again } = useLoaded("lanes", () => read("/v1/lanes"));
  return (
    <section className="card">
      <h2>{words.t("settings.lanes")}</h2>
      <p className="hint">{words.t("lanes.rule")}</p>
      {failed && <Failed why={failed} again={again} />}
      {value?.lanes.map((lane) => (
        <LaneForm key={lane.id} lane={lane} mayChange={mayChange} onSaved={again} />
      ))}
      {mayChange && value && <LaneForm key={`new ${value.lanes.length}`} lane={null} mayChange onSaved={again} />}
    </section>
  );
}

/** A lane's settings, or without one those of a lane that is to be made. */
function LaneForm({ lane, mayChange, onSaved }: { lane: Shape<"LaneShown"> | null; mayChange: boolean; onSaved: () => void }) {
  const words = useWords();
  const { busy, problem, send } = useDoing();
  const save = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const limits = LIMITS.map((name) => [name, String(given.get(name)).trim().replace(",", ".") || null]);
    const id = lane?.id ?? String(given.get("lane"));
    if (await send("PUT", place("/v1/lanes/{lane}", { lane: id }), Object.fromEntries(limits))) onSaved();
  };
  return (
    <form className="row-form" aria-label={lane ? words.t("live.lane", { lane: lane.id }) : words.t("lanes.new")} onSubmit={(event) => void save(event)}>
      {lane ? (
        <h3>{words.t("live.lane", { lane: lane.id })}</h3>
      ) : (
        <label>
          {words.t("lanes.new")}
          <input name="lane" required maxLength={64} pattern="\w[\w.\-]*" autoComplete="off" />
        </label>
      )}
      {LIMITS.map((name) => (
        <label key={name}>
          {words.t(`lanes.${name}`)}
          <input name={name} inputMode="decimal" pattern="\d{1,9}([.,]\d{1,3})?" disabled={!mayChange} defaultValue={lane?.[name] ?? ""} />
        </label>
      ))}
      {mayChange && (
        <button className={lane ? "" : "main"} disabled={busy}>
          {words.t(lane ? "settings.save" : "lanes.make")}
        </button>
      )}
      <p className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
