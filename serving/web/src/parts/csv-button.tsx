import { useState } from "react";
import { ask, Unreachable } from "../api.ts";
import { useWords } from "../show.ts";

/** Saves what stands at an address as a table. A plain link would not do: the service gives one to who asks for CSV. */
export function CsvButton({ url, name }: { url: string; name: string }) {
  const words = useWords();
  const [failed, setFailed] = useState<Error | null>(null);
  const save = async (): Promise<void> => {
    try {
      const answer = await ask("GET", url, undefined, { Accept: "text/csv" });
      const file = URL.createObjectURL(await answer.blob());
      Object.assign(document.createElement("a"), { href: file, download: `${name}.csv` }).click();
      URL.revokeObjectURL(file);
      setFailed(null);
    } catch (error) {
      setFailed(error as Error);
    }
  };
  return (
    <>
      <button type="button" onClick={() => void save()}>
        {words.t("figures.csv")}
      </button>
      {failed && (
        <p className="problem" role="alert">
          {words.t("net.failed", { why: failed instanceof Unreachable ? words.t("net.unreachable") : failed.message })}
        </p>
      )}
    </>
  );
}
