// A container's label as it is: to look at, to print, and to declare void.
import { type FormEvent, useState } from "react";
import { ask, place, Problem, read, Unreachable, whyOf } from "../api.ts";
import { Failed } from "../parts/failed.tsx";
import { Sentence } from "../parts/sentence.tsx";
import { save } from "../save.ts";
import { plainName, sessionIsOver, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { whySaid } from "../why.ts";
import { mayAct } from "./roles.ts";

const KINDS = ["pdf", "png", "zpl"] as const;
type Kind = (typeof KINDS)[number];

export function LabelPaper({ identity }: { identity: string }) {
  const words = useWords();
  const isActor = mayAct(useMe());
  const [problem, setProblem] = useState("");
  const at = { identity };
  const { value, failed, again } = useLoaded(`label ${identity}`, async () => {
    try {
      return await read("/v1/waste/containers/{identity}/label", at);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return "none" as const;
      throw error;
    }
  });
  const done = async (work: () => Promise<void>): Promise<void> => {
    setProblem("");
    try {
      await work();
      again();
    } catch (error) {
      if (error instanceof Problem && error.status === 401) sessionIsOver();
      setProblem(error instanceof Unreachable ? words.t("net.notDone") : whySaid(whyOf(error), words));
    }
  };
  const print = (kind: Kind, reason: string): Promise<void> =>
    done(async () => {
      const answer = await ask("POST", place("/v1/waste/containers/{identity}/label/prints", at), { kind, reason });
      save(await answer.blob(), `${identity}.${kind}`);
    });
  const declareVoid = (reason: string): Promise<void> =>
    done(async () => void (await ask("POST", place("/v1/waste/containers/{identity}/label/void", at), { reason })));
  if (value === null) return failed ? <Failed why={failed} again={again} /> : <p role="status">{words.t("net.loading")}</p>;
  if (value === "none") return <p className="hint">{words.t("waste.paper.none")}</p>;
  return (
    <section className="paper">
      {failed && <Failed why={failed} again={again} />}
      <p className="identity">{identity}</p>
      {value.void === null ? (
        <img src={place("/v1/waste/containers/{identity}/label.png", at)} alt={words.t("waste.paper.alt", { name: value.text.name })} />
      ) : (
        <p className="bar problem">{words.t("waste.paper.void", { on: value.void.on, why: value.void.reason })}</p>
      )}
      {value.doubts.map((doubt) => (
        <p key={doubt} className="doubt">
          <Sentence code="waste" why={doubt} />
        </p>
      ))}
      {isActor && value.void === null && <Printing isAgain={value.prints.length > 0} onPrint={(kind, reason) => void print(kind, reason)} />}
      <p className="problem" role="alert">
        {problem}
      </p>
      {value.prints.length > 0 && (
        <details>
          <summary>{words.t("waste.paper.prints", { n: value.prints.length })}</summary>
          <ul>
            {value.prints.map((one) => (
              <li key={one.at}>
                {one.kind.toUpperCase()} {words.t("load.by", { who: plainName(one.actor), at: words.moment(one.at) })} {one.reason}
              </li>
            ))}
          </ul>
          {isActor && value.void === null && <Voiding onVoid={(reason) => void declareVoid(reason)} />}
        </details>
      )}
    </section>
  );
}

function Printing({ isAgain, onPrint }: { isAgain: boolean; onPrint: (kind: Kind, reason: string) => void }) {
  const words = useWords();
  const [reason, setReason] = useState("");
  return (
    <div className="printing">
      {isAgain && (
        <label>
          {words.t("waste.paper.why")}
          <input value={reason} maxLength={500} onChange={(event) => setReason(event.target.value)} />
        </label>
      )}
      <div className="choices">
        {KINDS.map((kind) => (
          <button key={kind} type="button" disabled={isAgain && !reason.trim()} onClick={() => onPrint(kind, reason.trim())}>
            {words.t("waste.paper.print", { kind: kind.toUpperCase() })}
          </button>
        ))}
      </div>
    </div>
  );
}

function Voiding({ onVoid }: { onVoid: (reason: string) => void }) {
  const words = useWords();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onVoid(String(new FormData(event.currentTarget).get("reason")).trim());
  };
  return (
    <form className="link" onSubmit={submit}>
      <label>
        {words.t("waste.paper.voidWhy")}
        <input name="reason" maxLength={500} required />
      </label>
      <button className="stop">{words.t("waste.paper.declareVoid")}</button>
    </form>
  );
}
