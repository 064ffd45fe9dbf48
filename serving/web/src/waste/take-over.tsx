// A ledger that was kept elsewhere is taken over from a workbook: all of it, or nothing with every row that is wrong.
import { type ChangeEvent, useState } from "react";
import { ask, place, Problem, read, Unreachable, whyOf } from "../api.ts";
import { plain } from "../numbers.ts";
import { sessionIsOver } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { whySaid } from "../why.ts";
import { offsetHere } from "./periods.ts";
import { isTyped, VOLUME } from "./places.ts";

const KINDS = ["ledger", "stages"] as const;
type Kind = (typeof KINDS)[number];
const FAULTS_SHOWN = 200;

type State = { is: "none" | "sending" } | { is: "done"; containers: number; entries: number } | { is: "refused"; why: string; faults: Problem["faults"] };

export function TakeOver() {
  const words = useWords();
  const [kind, setKind] = useState<Kind>("ledger");
  const [unit, setUnit] = useState("");
  const [litres, setLitres] = useState("200");
  const [state, setState] = useState<State>({ is: "none" });
  const producers = useLoaded("producers", () => read("/v1/waste/producers")).value?.producers ?? [];
  const isReady = state.is !== "sending" && (kind === "ledger" || isTyped(VOLUME, litres));
  const address =
    kind === "ledger"
      ? "/v1/waste/ledger.xlsx"
      : place("/v1/waste/stages.xlsx", {}, { unit: unit || (producers[0]?.unit ?? ""), litres: plain(litres), offset: offsetHere() });
  const send = async (event: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const file = event.target.files?.[0];
    // The same file may be chosen again, once it is mended.
    event.target.value = "";
    if (!file) return;
    setState({ is: "sending" });
    try {
      const answer = await ask("POST", address, new Blob([file], { type: "application/octet-stream" }));
      setState({ is: "done", ...((await answer.json()) as { containers: number; entries: number }) });
    } catch (error) {
      if (error instanceof Problem && error.status === 401) sessionIsOver();
      const why = error instanceof Unreachable ? words.t("net.notDone") : whySaid(whyOf(error), words);
      setState({ is: "refused", why, faults: error instanceof Problem ? error.faults : { en: [], zh: [] } });
    }
  };
  return (
    <section className="card">
      <h2>{words.t("waste.import.title")}</h2>
      <p className="hint">{words.t("waste.import.whole")}</p>
      <div className="period">
        <label>
          {words.t("waste.import.kind")}
          <select value={kind} onChange={(event) => setKind(event.target.value as Kind)}>
            {KINDS.map((one) => (
              <option key={one} value={one}>
                {words.t(`waste.import.${one}`)}
              </option>
            ))}
          </select>
        </label>
        {kind === "stages" && (
          <>
            <label>
              {words.t("waste.label.producer")}
              <select value={unit} onChange={(event) => setUnit(event.target.value)}>
                {producers.map((one) => (
                  <option key={one.unit} value={one.unit}>
                    {one.name}
                  </option>
                ))}
              </select>
            </label>
            <label>
              {words.t("waste.import.litres")}
              <input inputMode="decimal" value={litres} onChange={(event) => setLitres(event.target.value)} />
            </label>
          </>
        )}
        <label className="photo">
          <input type="file" accept=".xlsx" className="unseen" disabled={!isReady} onChange={(event) => void send(event)} />
          {words.t("waste.import.choose")}
        </label>
      </div>
      {kind === "stages" && !isTyped(VOLUME, litres) && (
        <p className="problem" role="alert">
          {words.t("waste.badLitres")}
        </p>
      )}
      {state.is === "sending" && <p role="status">{words.t("waste.import.sending")}</p>}
      {state.is === "done" && (
        <p className="well" role="status">
          {words.t("waste.import.done", { containers: state.containers, entries: state.entries })}
        </p>
      )}
      {state.is === "refused" && <Refused why={state.why} faults={state.faults[words.language]} />}
    </section>
  );
}

function Refused({ why, faults }: { why: string; faults: string[] }) {
  const words = useWords();
  if (faults.length === 0) {
    return (
      <p className="bar problem" role="alert" lang="en">
        {why}
      </p>
    );
  }
  return (
    <>
      <p className="bar problem" role="alert">
        {words.t("waste.import.refused", { n: faults.length })}
      </p>
      <ol className="faults">
        {faults.slice(0, FAULTS_SHOWN).map((fault) => (
          <li key={fault}>{fault}</li>
        ))}
      </ol>
      {faults.length > FAULTS_SHOWN && <p>{words.t("waste.import.more", { n: faults.length - FAULTS_SHOWN })}</p>}
    </>
  );
}
