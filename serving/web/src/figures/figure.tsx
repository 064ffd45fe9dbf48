import type { Shape } from "../api.ts";
import type { Grouping } from "../figures.ts";
import { NOTHING } from "../parts/bars.tsx";
import { plainName } from "../session.ts";
import { useWords } from "../show.ts";
import type { Words } from "../texts.ts";

/** A figure with its interval and what it was counted on. */
export function Figure({ found, write }: { found: Shape<"Measure"> | null; write: (part: number) => string }) {
  const words = useWords();
  if (found === null) return NOTHING;
  const { value, low, high, n } = found;
  return (
    <>
      {write(value)}
      <small>
        {low === null || high === null ? words.t("figures.n", { n }) : words.t("figures.ends", { low: write(low), high: write(high), n })}
      </small>
    </>
  );
}

/** What a group is called; those that belong to none have a name too. */
export function groupName(key: string | null, by: Grouping, words: Words): string {
  if (key === null) return words.t(`figures.without.${by}`);
  return by === "inspector" ? plainName(key) : key;
}
