import { useState } from "react";
import { useWords } from "../show.ts";

/** A button whose press has to be meant: the second one does it. */
export function Confirm({ text, ask, disabled, onYes }: { text: string; ask: string; disabled?: boolean; onYes: () => void }) {
  const words = useWords();
  const [asking, setAsking] = useState(false);
  if (!asking) {
    return (
      <button type="button" disabled={disabled} onClick={() => setAsking(true)}>
        {text}
      </button>
    );
  }
  const answered = (isYes: boolean): void => {
    setAsking(false);
    if (isYes) onYes();
  };
  return (
    <span className="confirm" role="group" aria-label={ask}>
      {ask}{" "}
      <button type="button" className="stop" autoFocus onClick={() => answered(true)}>
        {text}
      </button>
      <button type="button" onClick={() => answered(false)}>
        {words.t("settings.no")}
      </button>
    </span>
  );
}
