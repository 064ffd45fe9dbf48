import type { FormEvent } from "react";
import type { Query } from "../api.ts";
import { useWords } from "../show.ts";

interface Period {
  /** What the two ends are called, by their texts. */
  names: readonly ["since", "until"] | readonly ["beforeSince", "beforeUntil"];
  period: Query;
  onPeriod: (period: Query) => void;
}

export function Period({ names, period, onPeriod }: Period) {
  const words = useWords();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    onPeriod({ since: String(given.get("since")), until: String(given.get("until")) });
  };
  return (
    <form className="period" onSubmit={submit}>
      {(["since", "until"] as const).map((end, at) => (
        <label key={end}>
          {words.t(`figures.${names[at]!}`)}
          <input type="date" name={end} defaultValue={String(period[end] ?? "")} />
        </label>
      ))}
      <button>{words.t("figures.show")}</button>
    </form>
  );
}
