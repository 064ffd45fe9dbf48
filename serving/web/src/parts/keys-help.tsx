import { useEffect, useRef } from "react";
import { KEYS, type Where } from "../keys.ts";
import { useWords } from "../show.ts";
import type { TextKey } from "../texts.ts";

const PLACES: [Where, TextKey][] = [
  ["everywhere", "keys.everywhere"],
  ["queue", "keys.inQueue"],
  ["load", "keys.inLoad"],
  ["decision", "keys.inDecision"],
  ["waste", "keys.inWaste"],
];
const SIGNS: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→", ArrowUp: "↑", ArrowDown: "↓", Mod: "Ctrl" };

/** A key as it stands on a keyboard. */
function sign(key: string): string {
  if (key.length === 1) return key;
  return key.split("+").map((part) => SIGNS[part] ?? part).join(" ");
}

export function KeysHelp({ onClose }: { onClose: () => void }) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => void dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} className="keys" aria-labelledby="keys" onClose={onClose}>
      <h2 id="keys">{words.t("keys.title")}</h2>
      <div className="key-columns">
        {PLACES.map(([where, title]) => (
          <section key={where}>
            <h3>{words.t(title)}</h3>
            <dl>
              {KEYS.filter((rule) => rule.where === where).map((rule) => (
                <div key={rule.does}>
                  <dt>
                    {rule.keys.map((key) => (
                      <kbd key={key}>{sign(key)}</kbd>
                    ))}
                  </dt>
                  <dd>{words.t(`key.${rule.does}`)}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
      <button type="button" onClick={() => dialog.current?.close()}>
        {words.t("keys.close")}
      </button>
    </dialog>
  );
}
