// The same past loads by two models, one load after the other, beside what a person decided of each.
import { useEffect, useRef, useState } from "react";
import { ask, Problem, place, read, type Shape, whyOf } from "../api.ts";
import { Rows } from "../parts/rows.tsx";
import { follow } from "../route.ts";
import { useWords } from "../show.ts";
import { type Why, whySaid } from "../why.ts";

type Look = Shape<"ModelLookShown">;
interface Row {
  load: string;
  looks: [Look, Look] | null;
  why: Why | null;
}

const MOST_LISTED = 500;
const GRADED = ["graded", "flagged", "reviewed", "emptied", "settled"];

export function Compared(given: { one: Shape<"ModelCard">; other: Shape<"ModelCard">; least: number; onDone: () => void }) {
  const { one, other, least, onDone } = given;
  const words = useWords();
  const [rows, setRows] = useState<Row[] | null>(null);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const left = useRef(false);
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
    };
  }, []);
  const compare = async (): Promise<void> => {
    setRows([]);
    setBusy(true);
    setProblem("");
    try {
      const { loads } = await read("/v1/loads", {}, { limit: Math.min(MOST_LISTED, 5 * least) });
      let compared = 0;
      for (const { id } of loads.filter((load) => GRADED.includes(load.status))) {
        if (left.current || compared === least) return;
        const row = await lookedAt(id, one.sha256, other.sha256);
        setRows((before) => [...(before ?? []), row]);
        compared += row.looks ? 1 : 0;
      }
    } catch (error) {
      setProblem(whySaid(whyOf(error), words));
    } finally {
      setBusy(false);
      if (!left.current) onDone();
    }
  };
  const found = (rows ?? []).flatMap(({ looks }) => (looks ? [looks] : []));
  return (
    <details>
      <summary>{words.t("models.compare")}</summary>
      <p className="hint">{words.t("models.compareHow", { n: least })}</p>
      <button type="button" disabled={busy} onClick={() => void compare()}>
        {words.t(busy ? "net.loading" : "changes.show")}
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
      {rows && (
        <p role="status">
          {words.t("models.found", {
            n: found.length,
            same: found.filter(([a, b]) => a.outcome.grade === b.outcome.grade).length,
            decided: found.filter(([a]) => a.decided).length,
            one: agreeing(found.map(([a]) => a)),
            other: agreeing(found.map(([, b]) => b)),
          })}
        </p>
      )}
      {rows && rows.length > 0 && (
        <Rows
          head={[words.t("changes.load"), words.t("models.now"), words.t("models.then"), words.t("models.person")]}
          rows={rows.map(({ load, looks, why }) => ({
            key: load,
            cells: [
              <a {...follow(`/loads/${encodeURIComponent(load)}`)}>{load}</a>,
              ...(looks ? [...looks.map(shown), decided(looks[0])] : [why && whySaid(why, words), "–", "–"]),
            ],
          }))}
        />
      )}
    </details>
  );

  function shown({ outcome, layers, hazards, seconds }: Look): string {
    const seen = words.t("models.seen", { grade: outcome.grade ?? "–", percent: words.percent(outcome.deduction_percent / 100, 2), layers });
    return `${seen}${hazards.length ? ` · ${hazards.join(", ")}` : ""} · ${words.t("models.took", { n: words.number(seconds, 1) })}`;
  }

  function decided({ decided: said }: Look): string {
    return said ? `${said.grade ?? "–"} · ${words.percent(said.deduction_percent / 100, 2)}` : "–";
  }
}

/** On how many of the loads that a person decided a model names their grade. */
function agreeing(looks: Look[]): number {
  return looks.filter((look) => look.decided && look.decided.grade === look.outcome.grade).length;
}

async function lookedAt(load: string, one: string, other: string): Promise<Row> {
  const look = async (sha256: string): Promise<Look> => {
    const answer = await ask("PUT", place("/v1/models/{sha256}/loads/{load_id}", { sha256, load_id: load }));
    return (await answer.json()) as Look;
  };
  try {
    return { load, looks: [await look(one), await look(other)], why: null };
  } catch (error) {
    if (error instanceof Problem && error.status < 500 && error.status !== 401) return { load, looks: null, why: error.why };
    throw error;
  }
}
