// A label is scanned, and its container moved. Without a network the code is kept and checked when it arrives.
import { useCallback, useEffect, useState } from "react";
import { ask, Problem, type Shape, Unreachable } from "../api.ts";
import { outbox } from "../decisions.ts";
import { follow } from "../route.ts";
import { sessionIsOver } from "../session.ts";
import { useWords } from "../show.ts";
import { type Why, whySaid } from "../why.ts";
import { CodeField } from "./code-field.tsx";
import { Move } from "./move.tsx";
import { kilograms, placeName } from "./places.ts";
import { useRooms } from "./use-rooms.ts";

type Read =
  | { is: "nothing" }
  | { is: "reading" }
  | { is: "known"; code: string; scanned: Shape<"ScannedShown"> }
  | { is: "unchecked"; code: string }
  | { is: "refused"; why: Why };

async function readCode(code: string): Promise<Read> {
  try {
    const answer = await ask("POST", "/v1/waste/scan", { code });
    return { is: "known", code, scanned: (await answer.json()) as Shape<"ScannedShown"> };
  } catch (error) {
    if (error instanceof Unreachable) return { is: "unchecked", code };
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) sessionIsOver();
    return { is: "refused", why: error.why };
  }
}

/** `code` is what a link from a label has brought. */
export function ScanPage({ code }: { code: string | null }) {
  const words = useWords();
  const [found, setFound] = useState<Read>({ is: "nothing" });
  const [turn, setTurn] = useState(0);
  const look = useCallback((read: string) => {
    setFound({ is: "reading" });
    void readCode(read).then(setFound);
  }, []);
  useEffect(() => {
    if (code) look(code);
  }, [code, look]);
  useEffect(
    () => outbox.onDone((entry) => entry.text === "wasteMove" && setFound((now) => (now.is === "known" ? { is: "nothing" } : now))),
    [],
  );
  const next = (): void => {
    setFound({ is: "nothing" });
    setTurn(turn + 1);
  };
  return (
    <section className="narrow">
      <h1>{words.t("waste.scan.title")}</h1>
      <CodeField key={turn} text={words.t("waste.scan.code")} busy={found.is === "reading"} onCode={look} />
      {found.is === "reading" && <p role="status">{words.t("net.loading")}</p>}
      {found.is === "refused" && (
        <p className="bar problem" role="alert">
          <strong>{words.t("waste.scan.refused")}</strong> {whySaid(found.why, words)}
        </p>
      )}
      {found.is === "unchecked" && (
        <section className="card">
          <h2>{nameIn(found.code)}</h2>
          <p className="bar away">{words.t("waste.scan.unchecked")}</p>
          <Move code={found.code} container={nameIn(found.code)} stands={[]} onMoved={next} />
        </section>
      )}
      {found.is === "known" && <Known code={found.code} scanned={found.scanned} onMoved={next} />}
    </section>
  );
}

/** The identity in a link from a label, for who has nothing but the link. */
function nameIn(code: string): string {
  return decodeURIComponent(/\/w\/([^?]+)/.exec(code)?.[1] ?? code);
}

function Known({ code, scanned, onMoved }: { code: string; scanned: Shape<"ScannedShown">; onMoved: () => void }) {
  const words = useWords();
  const rooms = useRooms();
  const places = Object.entries(scanned.grams);
  const total = places.reduce((sum, [, grams]) => sum + grams, 0);
  return (
    <section className="card">
      <h2>
        {scanned.name} <small>{scanned.code}</small>
      </h2>
      <p>
        <a {...follow(`/waste/containers/${encodeURIComponent(scanned.identity)}`)}>{scanned.identity}</a>
      </p>
      <p className={scanned.signed ? "well" : "doubt"}>{words.t(scanned.signed ? "waste.scan.signed" : "waste.scan.typed")}</p>
      <ul>
        {places.map(([place, grams]) => (
          <li key={place}>
            {placeName(place, rooms, words)} <b>{kilograms(grams, words)}</b>
          </li>
        ))}
      </ul>
      {places.length === 0 && <p className="problem">{words.t("waste.notOnSite")}</p>}
      {scanned.labelled_grams !== null && places.length > 0 && scanned.labelled_grams !== total && (
        <p className="doubt">{words.t("waste.scan.otherMass", { mass: kilograms(scanned.labelled_grams, words) })}</p>
      )}
      {places.length === 1 && <Move code={code} container={scanned.identity} stands={places.map(([place]) => place)} onMoved={onMoved} />}
      {places.length > 1 && <p className="hint">{words.t("waste.move.parts")}</p>}
    </section>
  );
}
