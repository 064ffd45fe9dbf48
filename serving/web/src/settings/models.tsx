// The models: what each says of itself, the same past loads by two of them, which looks, and the way back.
import { type FormEvent, useEffect, useState } from "react";
import { read, type Shape } from "../api.ts";
import { Failed } from "../parts/failed.tsx";
import { Sentence } from "../parts/sentence.tsx";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";
import { useLoaded } from "../use-loaded.ts";
import { Compared } from "./compared.tsx";

const SHORT = 12;
const AGAIN_MS = 1000;

export function Models() {
  const words = useWords();
  const mayChange = useMe()?.role === "manager";
  const { value, failed, again } = useLoaded("models", () => read("/v1/models"));
  const active = value?.models.find((one) => one.is_active);
  const [wanted, setWanted] = useState<string | null>(null);
  const isComing = wanted !== null && active?.sha256 !== wanted;
  useEffect(() => {
    if (!isComing) return;
    const timer = setInterval(again, AGAIN_MS);
    return () => clearInterval(timer);
  }, [isComing, again]);
  return (
    <>
      {failed && <Failed why={failed} again={again} />}
      {value && !active && !isComing && <p className="bar away">{words.t("models.loading")}</p>}
      <p role="status">{isComing && words.t("models.taken")}</p>
      {value?.models.map((model) => (
        <section key={model.sha256} className="card" aria-label={title(model)}>
          <h2>
            {title(model)} {model.is_active && <em className="mark">{words.t("models.active")}</em>}
          </h2>
          <Card model={model} />
          {mayChange && !model.is_active && active && (
            <Successor model={model} active={active} isBefore={value.activations[0]?.before === model.sha256} onDone={() => setWanted(model.sha256)} />
          )}
        </section>
      ))}
      <section className="card">
        <p className="hint">{words.t("models.folder", { folder: value?.folder ?? "" })}</p>
        <ul className="faults">
          {value?.faulty.map((one) => (
            <li key={one.file}>
              <code>{one.file}</code> <span className="problem">{one.why}</span>
            </li>
          ))}
        </ul>
        <h2>{words.t("standards.activations")}</h2>
        {value?.activations.length === 0 && <p>{words.t("models.noActivations")}</p>}
        <ul className="history">
          {value?.activations.map((one) => (
            <li key={one.id}>
              <b>{words.t("standards.since", { at: words.moment(one.at) })}</b> {title(one)} <q>{one.reason}</q>
              <small>
                {plainName(one.actor)}, {words.t("models.instead", { file: one.before.slice(0, SHORT) })}
              </small>
              {one.despite !== null && (
                <p className="problem">
                  {words.t("models.wasLetDespite")} <q>{one.despite}</q>
                </p>
              )}
              {one.despite !== null && one.verdict && <Reasons verdict={one.verdict} />}
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}

function title(model: { name: string; version: string; sha256: string }): string {
  return `${model.name} ${model.version} (${model.sha256.slice(0, SHORT)})`;
}

/** What a model says of itself; every figure with its interval and what it was counted on. */
function Card({ model }: { model: Shape<"ModelCard"> }) {
  const words = useWords();
  const three = (value: number): string => words.number(value, 3);
  const recalls = Object.entries(model.hazard_recall);
  return (
    <details open={model.is_active}>
      <summary>{words.t("models.card")}</summary>
      <dl className="pairs">
        <dt>{words.t("standards.file")}</dt>
        <dd>{model.file || words.t("models.kept")}</dd>
        <dt>{words.t("models.classes", { n: model.classes.length })}</dt>
        <dd className="plain">{model.classes.join(", ")}</dd>
        <dt>{words.t("models.trained")}</dt>
        <dd className="plain">
          <code>{model.data_digest.slice(0, SHORT)}</code> <code>{model.config_digest.slice(0, SHORT)}</code> {words.t("models.software", { software: model.software })}
        </dd>
        {recalls.map(([name, share]) => (
          <Pair key={name} name={words.t("models.recall", { name })} said={words.percent(share, 0)} />
        ))}
        {Object.entries(model.metrics).map(([name, { value, low, high, n }]) => (
          <Pair key={name} name={name} said={`${three(value)} (${words.t("figures.ends", { low: three(low), high: three(high), n })})`} />
        ))}
      </dl>
      {recalls.length === 0 && Object.keys(model.metrics).length === 0 && <p className="problem">{words.t("models.noFigures")}</p>}
    </details>
  );
}

function Pair({ name, said }: { name: string; said: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className="plain">{said}</dd>
    </>
  );
}

/** What the rule says of a model, and the ways to go on: watch past loads by both, or let it look. */
function Successor(given: { model: Shape<"ModelCard">; active: Shape<"ModelCard">; isBefore: boolean; onDone: () => void }) {
  const { model, active, isBefore, onDone } = given;
  const words = useWords();
  const { value, failed, again } = useLoaded(`verdict ${active.sha256} ${model.sha256}`, () => read("/v1/models/{sha256}/verdict", { sha256: model.sha256 }));
  return (
    <>
      {failed && <Failed why={failed} again={again} />}
      {isBefore && <p>{words.t("models.wayBack")}</p>}
      {!isBefore && value && (
        <div role="status">
          <p>{words.t(value.permits ? "models.mayLook" : "models.mayNotLook", { n: value.loads })}</p>
          <Reasons verdict={value} />
        </div>
      )}
      {(isBefore || value) && <Activate model={model} asksWhyDespite={!isBefore && !value?.permits} onDone={onDone} />}
      {value && <Compared one={active} other={model} least={value.least} onDone={again} />}
    </>
  );
}

function Reasons({ verdict }: { verdict: Shape<"VerdictShown"> }) {
  return (
    <ul className="faults">
      {verdict.reasons.map(({ code, why }) => (
        <li key={why}>
          <Sentence code={code} why={why} />
        </li>
      ))}
    </ul>
  );
}

function Activate({ model, asksWhyDespite, onDone }: { model: Shape<"ModelCard">; asksWhyDespite: boolean; onDone: () => void }) {
  const words = useWords();
  const { busy, problem, send } = useDoing();
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const said = new FormData(event.currentTarget);
    if (await send("POST", "/v1/models/activations", { sha256: model.sha256, reason: said.get("reason"), despite: said.get("despite") })) onDone();
  };
  return (
    <form className="row-form" onSubmit={(event) => void submit(event)}>
      <label>
        {words.t("standards.why")}
        <input name="reason" required maxLength={1000} />
        <small>{words.t("models.fromNow")}</small>
      </label>
      {asksWhyDespite && (
        <label>
          {words.t("models.despite")}
          <input name="despite" required maxLength={1000} />
          <small>{words.t("models.despiteHow")}</small>
        </label>
      )}
      <button className="main" disabled={busy}>
        {words.t("models.activate")}
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
