import { memo } from "react";
import type { Shape } from "../api.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { Mix, type Part } from "./mix.tsx";

const NOT_NAMED = "#9aa3ab";
const DIRT = "#b3541e";
const UNGRADED = "ungraded";

interface Seen {
  grades: Record<string, number>;
  forms: Record<string, number>;
  contaminants: Record<string, { area: number }>;
  unknown: number;
}

/** What a load or a layer is made of, by grade. */
export const GradeMix = memo(function GradeMix({ seen, standard, short = false }: { seen: Seen; standard: string; short?: boolean }) {
  const words = useWords();
  const names = useNames();
  const parts: Part[] = Object.entries(seen.grades).map(([code, share]) => ({
    id: code,
    name: code === UNGRADED ? words.t("mix.ungraded") : names.grade(standard, code, words.language),
    colour: names.gradeColour(standard, code),
    share,
  }));
  // What is no scrap and what could not be named has no grade; without it the bar would seem to lack something.
  const dirt = Object.values(seen.contaminants).reduce((sum, { area }) => sum + area, 0);
  parts.push({ id: "contaminants", name: words.t("mix.contaminants"), colour: DIRT, share: dirt });
  // Where a person gave the grade, what could not be named has it too.
  const unnamed = Math.max(0, 1 - parts.reduce((sum, { share }) => sum + share, 0));
  parts.push({ id: "unknown", name: words.t("load.unknown"), colour: NOT_NAMED, share: unnamed });
  return <Mix title={words.t("load.grades")} parts={parts} short={short} />;
});

/** What a load or a layer is made of, by what can be seen; what could not be named is a part like the others. */
export const FormMix = memo(function FormMix({ seen }: { seen: Seen }) {
  const words = useWords();
  const names = useNames();
  const shares: [string, number][] = [
    ...Object.entries(seen.forms),
    ...Object.entries(seen.contaminants).map(([id, { area }]): [string, number] => [id, area]),
  ];
  const parts = shares.map(([id, share]) => ({ id, name: names.class(id, words.language), colour: names.colour(id), share }));
  parts.push({ id: "unknown", name: words.t("load.unknown"), colour: NOT_NAMED, share: seen.unknown });
  return <Mix title={words.t("load.forms")} parts={parts} />;
});

export type { Seen };
export type Layer = Shape<"LayerShown">;
