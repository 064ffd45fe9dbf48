import { useState } from "react";
import { ask, whyOf } from "../api.ts";
import { save } from "../save.ts";
import { useWords } from "../show.ts";
import { whySaid } from "../why.ts";

/** Saves what stands at an address as a table. A plain link would not do: the service gives one to who asks for CSV. */
export function CsvButton({ url, name }: { url: string; name: string }) {
  const words = useWords();
  const [failed, setFailed] = useState<Error | null>(null);
  const read = async (): Promise<void> => {
    try {
      const answer = await ask("GET", url, undefined, { Accept: "text/csv" });
      save(await answer.blob(), `${name}.csv`);
      setFailed(null);
    } catch (error) {
      setFailed(error as Error);
    }
  };
  return (
    <>
      <button type="button" onClick={() => void read()}>
        {words.t("figures.csv")}
      </button>
      {failed && (
        <p className="problem" role="alert">
          {words.t("net.failed", { why: whySaid(whyOf(failed), words) })}
        </p>
      )}
    </>
  );
}
