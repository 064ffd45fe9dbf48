// A code by digits, Chinese, pinyin, its initials, or English.
import { useEffect, useState } from "react";
import { read, type Shape } from "../api.ts";
import { Failed } from "../parts/failed.tsx";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { CodeName } from "./identify.tsx";
import { useList } from "./lists.ts";

// Whoever types is asked for after a pause, not at every letter.
const PAUSE_MS = 250;

/** `isOpen`: nothing else was found, so it is not folded away. */
export function CodeSearch({ isOpen, onFound }: { isOpen: boolean; onFound: (code: Shape<"CodeShown">) => void }) {
  const words = useWords();
  const [typed, setTyped] = useState("");
  const [settled, setSettled] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSettled(typed.trim()), PAUSE_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const list = useList();
  const asked = { q: settled, list };
  const { value, failed, again } = useLoaded(`codes ${JSON.stringify(asked)}`, async () =>
    asked.q ? (await read("/v1/waste/codes", {}, asked)).codes : [],
  );
  return (
    <details className="search" open={isOpen}>
      <summary>{words.t("waste.label.other")}</summary>
      <label>
        {words.t("waste.label.search")}
        <input type="search" value={typed} maxLength={100} autoComplete="off" onChange={(event) => setTyped(event.target.value)} />
      </label>
      {failed && <Failed why={failed} again={again} />}
      {value && asked.q && value.length === 0 && <p className="empty">{words.t("waste.label.noCode")}</p>}
      <ul className="codes">
        {value?.map((code) => (
          <li key={`${code.list} ${code.code}`}>
            <button type="button" onClick={() => onFound(code)}>
              <CodeName code={code} />
            </button>
          </li>
        ))}
      </ul>
    </details>
  );
}
