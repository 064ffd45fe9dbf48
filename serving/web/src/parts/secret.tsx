import { useState } from "react";
import { useWords } from "../show.ts";

/** Something that is shown once and never again: a key, or the link of an invitation. */
export function Secret({ about, secret, onDone }: { about: string; secret: string; onDone: () => void }) {
  const words = useWords();
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(secret);
    setCopied(true);
  };
  return (
    <section className="secret" aria-label={about}>
      <p role="status">
        <b>{about}</b> {words.t("settings.once")}
      </p>
      <output>{secret}</output>
      <p className="choices">
        {/* Without https a browser gives no clipboard to a page; the text can be marked. */}
        {navigator.clipboard && (
          <button type="button" onClick={() => void copy()}>
            {words.t(copied ? "settings.copied" : "settings.copy")}
          </button>
        )}
        <button type="button" onClick={onDone}>
          {words.t("settings.stored")}
        </button>
      </p>
    </section>
  );
}
