// The lanes, and when a weighing of a lane's scale is taken without a person.
import { type FormEvent, useState } from "react";
import { place, read, type Shape } from "../api.ts";
import { decimal, plain } from "../numbers.ts";
import { Failed } from "../parts/failed.tsx";
import { follow } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";
import { useLoaded } from "../use-loaded.ts";
import { BedMarker } from "./bed-marker.tsx";

const LIMITS = ["gross_above_kg", "tare_below_kg"] as const;

export function Lanes({ bed }: { bed: string | null }) {
  const words = useWords();
  const role = useMe()?.role;
  const mayChange = role === "manager" || role === "admin";
  const { value, failed, again } = useLoaded("lanes", () => read("/v1/lanes"));
  const [lane, camera] = bed?.split(" ") ?? [];
  if (lane && camera) return <BedMarker lane={lane} camera={camera} mayChange={mayChange} />;
  return (
    <section className="card">
      <h2>{words.t("settings.lanes")}</h2>
      <p className="hint">{words.t("lanes.rule")}</p>
      {failed && <Failed why={failed} again={again} />}
      {value?.lanes.map((lane) => (
        <div key={lane.id}>
          <LaneForm lane={lane} mayChange={mayChange} onSaved={again} />
          <Cameras lane={lane.id} />
        </div>
      ))}
      {mayChange && value && <LaneForm key={`new ${value.lanes.length}`} lane={null} mayChange onSaved={again} />}
    </section>
  );
}

/** The cameras of a lane, each with the way to mark the bed in its frames. */
function Cameras({ lane }: { lane: string }) {
  const words = useWords();
  const { value } = useLoaded(`cameras ${lane}`, () => read("/v1/lanes/{lane}/cameras", { lane }));
  return (
    <ul className="papers">
      {value?.cameras.map(({ camera }) => (
        <li key={camera}>
          <a {...follow(place("/settings/lanes", {}, { bed: `${lane} ${camera}` }))}>{words.t("beds.mark", { camera })}</a>
        </li>
      ))}
    </ul>
  );
}

/** A lane's settings, or without one those of a lane that is to be made. */
function LaneForm({ lane, mayChange, onSaved }: { lane: Shape<"LaneShown"> | null; mayChange: boolean; onSaved: () => void }) {
  const words = useWords();
  const { busy, problem, send } = useDoing();
  const [isSaved, setSaved] = useState(false);
  const save = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    setSaved(false);
    const given = new FormData(event.currentTarget);
    const limits = LIMITS.map((name) => [name, plain(String(given.get(name))) || null]);
    const id = lane?.id ?? String(given.get("lane"));
    if (!(await send("PUT", place("/v1/lanes/{lane}", { lane: id }), Object.fromEntries(limits)))) return;
    setSaved(true);
    onSaved();
  };
  return (
    <form
      className="row-form"
      aria-label={lane ? words.t("live.lane", { lane: lane.id }) : words.t("lanes.new")}
      onChange={() => setSaved(false)}
      onSubmit={(event) => void save(event)}
    >
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
          <input
            name={name}
            inputMode="decimal"
            pattern={decimal(9, 3)}
            title={words.t("number.how")}
            disabled={!mayChange}
            defaultValue={lane?.[name] ?? ""}
          />
        </label>
      ))}
      {mayChange && (
        <button className={lane ? "" : "main"} disabled={busy}>
          {words.t(lane ? "settings.save" : "lanes.make")}
        </button>
      )}
      <p className="hint" role="status">
        {isSaved && words.t("settings.saved")}
      </p>
      <p className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
