// A price table: the file with other prices and another version, and nothing else changed.
import { type FormEvent } from "react";
import type { Shape } from "../api.ts";
import { decimal, plain } from "../numbers.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";

interface Shown {
  file: Shape<"FileShown">;
  text: string;
  onText: (text: string) => void;
}

export function Prices({ file, text, onText }: Shown) {
  const words = useWords();
  const { busy, problem, send } = useDoing();
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const written = file.prices.map(({ code }) => [code, plain(String(given.get(`price ${code}`)))] as const);
    const prices = Object.fromEntries(written.filter(([, price]) => price !== ""));
    const made = await send<Shape<"StandardText">>("POST", "/v1/standards/prices", { text, version: String(given.get("version")), prices });
    if (made) onText(made.text);
  };
  return (
    <details>
      <summary>{words.t("prices.title")}</summary>
      {file.currency === "" && <p className="problem">{words.t("prices.noCurrency")}</p>}
      <form onSubmit={(event) => void submit(event)}>
        <div className="fields">
          {file.prices.map((grade) => (
            <label key={grade.code}>
              {words.t("prices.of", { grade: grade.code, currency: file.currency })}
              <input
                name={`price ${grade.code}`}
                inputMode="decimal"
                pattern={decimal(8, 4)}
                title={words.t("number.how")}
                defaultValue={grade.price_per_tonne ?? ""}
              />
            </label>
          ))}
          <label>
            {words.t("prices.version")}
            <input name="version" required pattern="[\w.+\-]{1,32}" defaultValue={file.version} />
          </label>
        </div>
        <p>
          <button disabled={busy}>{words.t("prices.put")}</button>
        </p>
        <p className="problem" role="alert">
          {problem}
        </p>
      </form>
    </details>
  );
}
