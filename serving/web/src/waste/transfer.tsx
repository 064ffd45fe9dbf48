// One transfer: what goes where with whom, every step that was taken, and the steps that may follow.
import { type FormEvent, useEffect } from "react";
import { place, read, type Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { Sentence } from "../parts/sentence.tsx";
import { follow } from "../route.ts";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { gramsOf, kilograms, MASS, placeName, placesToGo } from "./places.ts";
import { mayAct } from "./roles.ts";
import { useRooms } from "./use-rooms.ts";

type Manifest = Shape<"ManifestShown">;
type Step = Manifest["steps"][number];
type Kind = Step["kind"];

// What may follow in each state; the service refuses whatever does not.
const NEXT: Record<Manifest["state"], Kind[]> = {
  draft: ["declare", "cancel"],
  declared: ["take_effect", "cancel"],
  effective: ["sign", "gate", "cancel"],
  transferred: ["receive"],
  received: ["return"],
  closed: [],
  cancelled: [],
};

export function TransferPage({ id }: { id: string }) {
  const words = useWords();
  const me = useMe();
  const { value, failed, again } = useLoaded(`manifest ${id}`, () => read("/v1/waste/manifests/{manifest_id}", { manifest_id: id }));
  const rooms = useRooms();
  const underway = isUnderway(useOutbox(), "wasteStep", { manifest: id });
  useEffect(() => outbox.onDone(again), [again]);
  if (!value) return failed ? <Failed why={failed} again={again} /> : <p role="status">{words.t("net.loading")}</p>;
  return (
    <>
      {/* What is being entered below stays, also where reading anew failed. */}
      {failed && <Failed why={failed} again={again} />}
      <a className="back" {...follow("/waste/transfers")}>
        {words.t("waste.transfers.back")}
      </a>
      <h1>
        {value.id} <small>{words.t(`transfer.${value.state}`)}</small>
      </h1>
      <div className="beside transfer">
        <div>
          <section className="card">
            <dl className="pairs">
              {(["sender", "carrier", "receiver"] as const).map((party) => (
                <Pair key={party} name={words.t(`party.${party}`)} value={value[party]} />
              ))}
              <Pair name={words.t("waste.transfers.permit")} value={value.permit || "–"} />
              <Pair name={words.t("waste.transfers.method")} value={value.method} />
              <Pair name={words.t("waste.transfers.plate")} value={value.plate} />
              <Pair name={words.t("waste.transfers.tolerance")} value={words.kg(Number(value.tolerance_kg))} />
            </dl>
            <Rows
              head={(["container", "room", "mass"] as const).map((name) => words.t(`waste.column.${name}`))}
              figures={[2]}
              rows={value.lines.map((line) => ({
                key: line.container,
                cells: [
                  <a {...follow(`/waste/containers/${encodeURIComponent(line.container)}`)}>{line.container}</a>,
                  placeName(line.place, rooms, words),
                  kilograms(line.grams, words),
                ],
              }))}
            />
            <p className="total">{words.t("waste.ledger.total", { mass: kilograms(value.grams, words) })}</p>
            <ul className="flags">
              {value.flags.map((flag) => (
                <li key={flag.code + flag.why} className="review">
                  <strong>{words.t(`transferFlag.${flag.code}`)}</strong> <Sentence code="waste" why={flag.why} />
                </li>
              ))}
            </ul>
          </section>
          <Steps steps={value.steps} />
        </div>
        <div>
          {underway && <p className="hint">{words.t("outbox.sending")}</p>}
          {mayAct(me) &&
            !underway &&
            NEXT[value.state].map((kind) => (
            // A step that was taken may change what the next one is most likely to say.
            <NextStep key={`${kind} ${value.steps.length}`} manifest={value} kind={kind} isLikely={kind === likely(value)} />
          ))}
        </div>
      </div>
    </>
  );
}

function Pair({ name, value }: { name: string; value: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </>
  );
}

function Steps({ steps }: { steps: Step[] }) {
  const words = useWords();
  return (
    <section className="card">
      <h2>{words.t("waste.transfers.steps")}</h2>
      {steps.length === 0 && <p>{words.t("waste.transfers.noSteps")}</p>}
      <ol className="history">
        {steps.map((step) => (
          <li key={step.id} className={step.faults?.length ? "waits" : ""}>
            <strong>
              {words.t(`step.${step.kind}`)}
              {step.party && `: ${words.t(`party.${step.party}` as "party.sender")}`}
            </strong>{" "}
            {[step.number, step.plate, step.grams == null ? "" : kilograms(step.grams, words), step.reason, step.why].filter(Boolean).join(" · ")}
            {step.kind === "gate" && <p className={step.faults?.length ? "problem" : "well"}>{words.t(step.faults?.length ? "gate.stays" : "gate.leaves")}</p>}
            {step.faults?.map((fault) => (
              <p key={fault} className="problem">
                <Sentence code="waste" why={fault} />
              </p>
            ))}
            <small>{words.t("load.by", { who: `${step.person} (${plainName(step.actor)})`, at: words.moment(step.at) })}</small>
          </li>
        ))}
      </ol>
    </section>
  );
}

/** The step that comes next where all goes well. */
function likely({ state, steps }: Manifest): Kind | undefined {
  const isSigned = ["sender", "carrier"].every((party) => steps.some((step) => step.party === party));
  return state === "effective" && isSigned ? "gate" : NEXT[state][0];
}

function NextStep({ manifest, kind, isLikely }: { manifest: Manifest; kind: Kind; isLikely: boolean }) {
  const words = useWords();
  const me = useMe();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const person = String(given.get("person")).trim();
    const body = { id: crypto.randomUUID(), kind, at: new Date().toISOString(), person, ...said(kind, given, manifest) };
    const path = place("/v1/waste/manifests/{manifest_id}/steps", { manifest_id: manifest.id });
    const about = { manifest: manifest.id, step: words.t(`step.${kind}`) };
    outbox.add({ who: me!.name, path, body, ifMatch: null, text: "wasteStep", about });
  };
  return (
    <details className="card step" open={isLikely}>
      <summary>{words.t(`step.${kind}`)}</summary>
      <form onSubmit={submit}>
        <Asked manifest={manifest} kind={kind} />
        <label>
          {words.t("waste.step.person")}
          <input name="person" maxLength={100} defaultValue={plainName(me!.name)} required />
        </label>
        <div className="choices">
          <button className={kind === "cancel" ? "stop" : "main"}>{words.t(`step.${kind}`)}</button>
        </div>
      </form>
    </details>
  );
}

/** What a step has to say beside who took it. */
function Asked({ manifest, kind }: { manifest: Manifest; kind: Kind }) {
  const words = useWords();
  const rooms = useRooms();
  const signed = manifest.steps.flatMap(({ party }) => party ?? []);
  switch (kind) {
    case "take_effect":
      return <Field name="number" text={words.t("waste.step.number")} isOptional />;
    case "sign":
      return (
        <label>
          {words.t("waste.step.party")}
          <select name="party" defaultValue={signed.includes("sender") ? "carrier" : "sender"}>
            {(["sender", "carrier"] as const).map((party) => (
              <option key={party} value={party}>
                {words.t(`party.${party}`)}
              </option>
            ))}
          </select>
        </label>
      );
    case "gate":
      return (
        <>
          <Field name="plate" text={words.t("waste.transfers.plate")} />
          <Field name="kg" text={words.t("waste.step.onTruck")} isMass />
        </>
      );
    case "receive":
      return (
        <fieldset>
          <legend>{words.t("waste.step.weighed")}</legend>
          {manifest.lines.map((line) => (
            <Field key={line.container} name={`kg ${line.container}`} text={line.container} isMass isOptional />
          ))}
          <Field name="why" text={words.t("waste.step.refusedWhy")} isOptional />
        </fieldset>
      );
    case "return":
      return (
        <label>
          {words.t("waste.step.backAt")}
          <select name="place">
            {placesToGo(rooms, words)
              .filter(({ id }) => id !== "transit")
              .map(({ id, name }) => (
                <option key={id} value={id}>
                  {name}
                </option>
              ))}
          </select>
        </label>
      );
    case "cancel":
      return <Field name="reason" text={words.t("waste.step.why")} />;
    default:
      return null;
  }
}

interface Asking {
  name: string;
  text: string;
  isMass?: boolean;
  isOptional?: boolean;
}

function Field({ name, text, isMass = false, isOptional = false }: Asking) {
  const words = useWords();
  return (
    <label>
      {text}
      <input
        name={name}
        maxLength={isMass ? 14 : 200}
        autoComplete="off"
        required={!isOptional}
        {...(isMass && { inputMode: "decimal", pattern: MASS, title: words.t("waste.label.badKg") })}
      />
    </label>
  );
}

/** A step as the service takes it. What the receiver did not weigh he refuses. */
function said(kind: Kind, given: FormData, manifest: Manifest): Record<string, unknown> {
  const text = (name: string): string => String(given.get(name) ?? "").trim();
  switch (kind) {
    case "take_effect":
      return { number: text("number") };
    case "sign":
      return { party: text("party") };
    case "gate":
      return { plate: text("plate"), grams: gramsOf(text("kg")) };
    case "receive": {
      const weighed = manifest.lines.flatMap(({ container }): [string, number][] => {
        const grams = gramsOf(text(`kg ${container}`));
        return grams === null ? [] : [[container, grams]];
      });
      const taken = new Set(weighed.map(([container]) => container));
      const refused = manifest.lines.map(({ container }) => container).filter((container) => !taken.has(container));
      return { weighed: Object.fromEntries(weighed), refused, why: text("why") };
    }
    case "return":
      return { place: text("place") };
    case "cancel":
      return { reason: text("reason") };
    default:
      return {};
  }
}
