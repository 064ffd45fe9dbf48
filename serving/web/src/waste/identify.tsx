// What a photo may show, and the codes to ask about; or a code that a person searches for. Nothing is decided here.
import { type ChangeEvent, useRef, useState } from "react";
import { ask, Problem, read, type Shape, whyOf } from "../api.ts";
import { sessionIsOver } from "../session.ts";
import { useWords } from "../show.ts";
import type { Language } from "../texts.ts";
import { useLoaded } from "../use-loaded.ts";
import { type Why, whySaid } from "../why.ts";
import { CodeSearch } from "./code-search.tsx";
import type { Chosen } from "./label.tsx";
import { chooseList, LISTS, useList } from "./lists.ts";
import { shrunk } from "./photo.ts";

const CLASSES_SHOWN = 3;

interface Answer {
  identified: Shape<"Identified">;
  /** The candidates with what their lists say of them. */
  candidates: { why: Record<Language, string>; code: Shape<"CodeShown"> }[];
}

async function identified(photo: Blob): Promise<Answer> {
  const answer = await ask("POST", "/v1/waste/identify", photo);
  const said = (await answer.json()) as Shape<"Identified">;
  const candidates = await Promise.all(
    said.codes.map(async ({ list, code, why, why_zh }) => {
      const { codes } = await read("/v1/waste/codes", {}, { q: code, list });
      return { why: { en: why, zh: why_zh }, code: codes[0]! };
    }),
  );
  return { identified: said, candidates };
}

export function Identify({ onChosen }: { onChosen: (chosen: Chosen) => void }) {
  const words = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [state, setState] = useState<"none" | "looking" | "seen">("none");
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [problem, setProblem] = useState<Why | null>(null);
  const look = async (event: ChangeEvent<HTMLInputElement>): Promise<void> => {
    const file = event.target.files?.[0];
    // The same photo may be chosen again.
    event.target.value = "";
    if (!file) return;
    setProblem(null);
    setAnswer(null);
    setState("looking");
    try {
      setAnswer(await identified(await shrunk(file, canvas.current!)));
    } catch (error) {
      if (error instanceof Problem && error.status === 401) sessionIsOver();
      setProblem(whyOf(error));
    }
    setState("seen");
  };
  return (
    <>
      <label className={state === "none" ? "photo main" : "photo"}>
        <input type="file" accept="image/*" capture="environment" className="unseen" onChange={(event) => void look(event)} />
        {words.t(state === "none" ? "waste.label.photo" : "waste.label.again")}
      </label>
      <canvas ref={canvas} className="photo" hidden={state === "none"} role="img" aria-label={words.t("waste.label.view")} />
      {state === "looking" && <p role="status">{words.t("waste.label.looking")}</p>}
      {problem && (
        <p className="bar problem" role="alert">
          {words.t("waste.label.notIdentified", { why: whySaid(problem, words) })}
        </p>
      )}
      <ListChoice />
      {answer && <Suggested answer={answer} onChosen={onChosen} />}
      <CodeSearch isOpen={answer === null || answer.candidates.length === 0} onFound={(code) => onChosen({ code, identification: answer?.identified.identification ?? null })} />
    </>
  );
}

function Suggested({ answer, onChosen }: { answer: Answer; onChosen: (chosen: Chosen) => void }) {
  const words = useWords();
  const { classes, abstain, dangers, identification } = answer.identified;
  const names = useLoaded("waste classes", () => read("/v1/waste/classes")).value?.classes ?? [];
  const named = (id: string): string => names.find((one) => one.id === id)?.name[words.language] ?? id;
  const list = useList();
  const shown = answer.candidates.filter(({ code }) => list === "" || code.list === list);
  const likely = Object.entries(classes).slice(0, CLASSES_SHOWN);
  return (
    <section>
      {dangers.length > 0 && (
        <p className="bar danger" role="alert">
          {words.t("waste.label.danger", { what: dangers.map(named).join(words.t("waste.label.or")) })}
        </p>
      )}
      <h2>{words.t("waste.label.mayBe")}</h2>
      <p>{likely.map(([id, share]) => `${named(id)} ${words.percent(share, 0)}`).join(" · ")}</p>
      {abstain && <p className="bar away">{words.t("waste.label.unsure")}</p>}
      <h2>{words.t("waste.label.codes")}</h2>
      <p className="hint">{words.t("waste.label.confirm")}</p>
      {shown.length === 0 && <p>{words.t("waste.label.noCode")}</p>}
      <ul className="codes">
        {shown.map(({ why, code }) => (
          <li key={`${code.list} ${code.code}`}>
            <button type="button" onClick={() => onChosen({ code, identification })}>
              <CodeName code={code} />
              <small>{why[words.language]}</small>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function ListChoice() {
  const words = useWords();
  return (
    <label className="list-choice">
      {words.t("waste.label.list")}
      <select value={useList()} onChange={(event) => chooseList(event.target.value)}>
        <option value="">{words.t("queue.all")}</option>
        {LISTS.map((one) => (
          <option key={one} value={one}>
            {words.t(`waste.list.${one}`)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A code as its list has it. */
export function CodeName({ code }: { code: Shape<"CodeShown"> }) {
  const words = useWords();
  const other = words.language === "zh" ? code.name.en : code.name.zh;
  return (
    <>
      <b>{code.code}</b> <span className="mark">{code.mark}</span> {code.name[words.language] || other}
      <small>
        {words.t(`waste.list.${code.list}` as "waste.list.eu-low")} {code.edition}
        {code.superseded_by !== null && <> · {words.t("waste.superseded", { edition: code.superseded_by, day: code.superseded_on ?? "" })}</>}
        {!code.verified && <> · {words.t("waste.unverified")}</>}
      </small>
    </>
  );
}
