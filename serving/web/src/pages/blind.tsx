// A load of which a person says first what they think, and sees afterwards what the machine and others do.
import { type FormEvent, useState } from "react";
import type { Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { useNames } from "../names.ts";
import { decimal, layerNumber, plain } from "../numbers.ts";
import { FrameView } from "../parts/frame-view.tsx";
import { useSession } from "../session.ts";
import { useWords } from "../show.ts";

export function Blind({ load, facts }: { load: Shape<"LoadShown">; facts: Shape<"Facts"> }) {
  const words = useWords();
  const [at, setAt] = useState(0);
  const layer = facts.layers[at];
  return (
    <div className="columns">
      <div className="pictures">
        {layer && <FrameView load={load.id} version={load.assessment_version ?? 1} layer={layer} />}
        <ol className="strip" aria-label={words.t("load.layers")}>
          {facts.layers.map((one, index) => (
            <li key={one.index}>
              <button type="button" aria-pressed={index === at} onClick={() => setAt(index)}>
                <span>{words.t("load.layer", { n: layerNumber(one.index) })}</span>
              </button>
            </li>
          ))}
        </ol>
      </div>
      <div className="facts">
        <Opinion load={load} />
      </div>
    </div>
  );
}

function Opinion({ load }: { load: Shape<"LoadShown"> }) {
  const words = useWords();
  const names = useNames();
  const session = useSession();
  // The form stays while it is sent: a second press gives no second opinion, and what was refused can be put right.
  const underway = isUnderway(useOutbox(), "opinion", { load: load.id });
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    if (session.is !== "in") return;
    const given = new FormData(event.currentTarget);
    const percent = plain(String(given.get("percent")));
    outbox.add({
      who: session.who.name,
      path: `/v1/loads/${encodeURIComponent(load.id)}/opinions`,
      body: { grade: String(given.get("grade")) || null, deduction_percent: percent || null, note: String(given.get("note")) },
      ifMatch: null,
      text: "opinion",
      about: { load: load.id, plate: load.plate ?? load.id },
    });
  };
  return (
    <form className="decision" onSubmit={submit}>
      <h2>{words.t("blind.title")}</h2>
      <p>{words.t("blind.why")}</p>
      <label>
        {words.t("blind.grade")}
        <select name="grade">
          <option value="">{words.t("load.noGrade")}</option>
          {names.grades(load.standard).map(({ code }) => (
            <option key={code} value={code}>
              {names.grade(load.standard, code, words.language)}
            </option>
          ))}
        </select>
      </label>
      <label>
        {words.t("blind.percent")}
        <input name="percent" inputMode="decimal" pattern={decimal(3, 3)} title={words.t("number.how")} autoComplete="off" />
      </label>
      <label>
        {words.t("decide.note")}
        <input name="note" maxLength={2000} />
      </label>
      <div className="choices">
        <button className="main" disabled={underway}>
          {words.t(underway ? "outbox.sending" : "decide.commit")}
        </button>
      </div>
    </form>
  );
}
