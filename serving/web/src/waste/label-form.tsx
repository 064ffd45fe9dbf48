// What a label says beside its code. It begins with what the newest label under this code said.
import { type FormEvent, useEffect, useState } from "react";
import { read, type Shape, whyOf } from "../api.ts";
import { outbox, useOutbox } from "../decisions.ts";
import { plain } from "../numbers.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { whySaid } from "../why.ts";
import { CodeName } from "./identify.tsx";
import type { Chosen } from "./label.tsx";
import { gramsOf, placesToGo, VOLUME } from "./places.ts";
import { useRooms } from "./use-rooms.ts";

const STATES = ["solid", "semi_solid", "liquid", "gas"] as const;
const LITRES = ["20", "50", "200", "1000"] as const;
const PROSE = ["main_components", "harmful_components", "precautions"] as const;

type Text = Shape<"LabelText">;

interface Begun {
  text: Text | null;
  producers: Shape<"ProducerShown">[];
}

interface Form {
  chosen: Chosen;
  onBack: () => void;
  onMade: (identity: string) => void;
}

export function LabelForm({ chosen, onBack, onMade }: Form) {
  const words = useWords();
  const { list, code } = chosen.code;
  const { value, failed } = useLoaded(`newest label ${list} ${code}`, async (): Promise<Begun> => {
    const [{ text }, { producers }] = await Promise.all([
      read("/v1/waste/labels/newest", {}, { list, code }),
      read("/v1/waste/producers"),
    ]);
    return { text, producers };
  });
  return (
    <>
      <button type="button" className="quiet" onClick={onBack}>
        {words.t("waste.label.otherCode")}
      </button>
      <p className="chosen-code">
        <CodeName code={chosen.code} />
      </p>
      {chosen.code.exemptions.map((one) => (
        <p key={one.item} className="hint">
          {words.t("waste.label.exempt", { stage: one.stage, condition: one.condition, effect: one.effect })}
        </p>
      ))}
      {failed && <p className="problem">{words.t("net.failed", { why: whySaid(whyOf(failed), words) })}</p>}
      {!value && !failed && <p role="status">{words.t("net.loading")}</p>}
      {value && value.producers.length === 0 && <p className="bar problem">{words.t("waste.label.noProducer")}</p>}
      {value && value.producers.length > 0 && <Fields chosen={chosen} begun={value} onMade={onMade} />}
    </>
  );
}

function Fields({ chosen, begun, onMade }: { chosen: Chosen; begun: Begun; onMade: (identity: string) => void }) {
  const words = useWords();
  const me = useMe();
  const rooms = useRooms();
  const [sent, setSent] = useState<string | null>(null);
  const [fault, setFault] = useState("");
  const entry = useOutbox().find(({ key }) => key === sent);
  useEffect(
    () => outbox.onDone((done, answer) => done.key === sent && onMade((answer as Shape<"LabelShown">).identity)),
    [sent, onMade],
  );
  const { code, identification } = chosen;
  const last = begun.text;
  const isHazardous = code.hazardous === true;
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string): string => String(given.get(name) ?? "").trim();
    const grams = gramsOf(text("kg"));
    if (grams === null) return setFault(words.t("waste.label.badKg"));
    setFault("");
    if (entry?.state === "refused") outbox.drop(entry.key);
    const body = {
      unit: text("unit") || begun.producers[0]!.unit,
      list: code.list,
      code: code.code,
      name: text("name"),
      grams,
      litres: plain(text("litres")),
      place: text("place"),
      at: new Date().toISOString(),
      produced_on: text("produced_on"),
      state: isHazardous ? text("state") : null,
      main_components: text("main_components"),
      harmful_components: text("harmful_components"),
      hazards: given.getAll("hazards"),
      precautions: text("precautions"),
      remark: text("remark"),
      identification,
    };
    const about = { name: body.name, mass: text("kg") };
    setSent(outbox.add({ who: me!.name, path: "/v1/waste/labels", body, ifMatch: null, text: "wasteLabel", about }).key);
  };
  if (entry && entry.state !== "refused" && entry.tries > 0 && entry.state === "waiting") {
    return <p className="bar away">{words.t("waste.label.kept")}</p>;
  }
  return (
    <form className="label-form" onSubmit={submit} onChange={() => setFault("")}>
      {entry?.state === "refused" && (
        <p className="bar problem" role="alert">
          {entry.problem && whySaid(entry.problem, words)}
        </p>
      )}
      <div className="fields">
        <label>
          {words.t("waste.label.kg")}
          <input name="kg" inputMode="decimal" autoComplete="off" required autoFocus />
        </label>
        <label>
          {words.t("waste.label.litres")}
          <input
            name="litres"
            inputMode="decimal"
            pattern={VOLUME}
            title={words.t("waste.badLitres")}
            list="litres"
            defaultValue={last?.litres ?? ""}
            autoComplete="off"
            required
          />
          <datalist id="litres">
            {LITRES.map((litres) => (
              <option key={litres} value={litres} />
            ))}
          </datalist>
        </label>
        <label>
          {words.t("waste.label.place")}
          <select name="place" required>
            {placesToGo(rooms, words)
              .filter(({ id }) => id !== "transit")
              .map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
          </select>
        </label>
        <label>
          {words.t("waste.label.producedOn")}
          <input type="date" name="produced_on" defaultValue={today()} required />
        </label>
        {begun.producers.length > 1 && (
          <label>
            {words.t("waste.label.producer")}
            <select name="unit" defaultValue={last?.unit}>
              {begun.producers.map(({ unit, name }) => (
                <option key={unit} value={unit}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <p className="problem" role="alert">
        {fault}
      </p>
      <label>
        {words.t("waste.label.name")}
        <input name="name" maxLength={200} defaultValue={last?.name ?? (code.name.zh || code.name.en)} required />
      </label>
      {isHazardous && <Hazardous code={code} last={last} />}
      <label>
        {words.t("waste.label.remark")}
        <input name="remark" maxLength={200} defaultValue={last?.remark ?? ""} />
      </label>
      <div className="choices">
        <button className="main" disabled={entry !== undefined && entry.state !== "refused"}>
          {words.t("waste.label.commit", { code: code.code })}
        </button>
      </div>
    </form>
  );
}

function Hazardous({ code, last }: { code: Shape<"CodeShown">; last: Text | null }) {
  const words = useWords();
  const letters = code.hazards.length > 0 ? code.hazards : ["T", "C", "I", "R", "In"];
  const isFirst = (letter: string): boolean => (last ? last.hazards.includes(letter) : code.hazards.length === 1);
  return (
    <>
      <fieldset className="hazards">
        <legend>{words.t("waste.label.hazards")}</legend>
        {letters.map((letter) => (
          <label key={letter} className="tick">
            <input type="checkbox" name="hazards" value={letter} defaultChecked={isFirst(letter)} />
            {words.t(`hazardLetter.${letter}` as "hazardLetter.T")}
          </label>
        ))}
      </fieldset>
      <label>
        {words.t("waste.label.state")}
        <select name="state" defaultValue={last?.state ?? ""} required>
          <option value="">{words.t("waste.choose")}</option>
          {STATES.map((state) => (
            <option key={state} value={state}>
              {words.t(`wasteState.${state}`)}
            </option>
          ))}
        </select>
      </label>
      {PROSE.map((name) => (
        <label key={name}>
          {words.t(`waste.label.${name}`)}
          <input name={name} maxLength={200} defaultValue={last?.[name] ?? ""} required />
        </label>
      ))}
    </>
  );
}

/** The day here, as a date field takes it. */
function today(): string {
  const now = new Date();
  return new Date(now.getTime() - now.getTimezoneOffset() * 60_000).toISOString().slice(0, 10);
}
