import { place, type Query, read, type Shape } from "../api.ts";
import { useWords } from "../show.ts";
import type { Words } from "../texts.ts";
import { useLoaded } from "../use-loaded.ts";
import { Section } from "./section.tsx";
import { Figure } from "./figure.tsx";

const REFERENCES = ["decided", "decided_constant", "blind", "blind_constant"] as const;

/** The numbers that mills use and the errors themselves, side by side, each beside what a constant would reach. */
export function BesidePeople({ period }: { period: Query }) {
  const words = useWords();
  const loaded = useLoaded(`beside ${JSON.stringify(period)}`, () => read("/v1/figures/beside-people", {}, period));
  const found = loaded.value;
  const rows = found?.decided || found?.blind ? found.rows : [];
  const title = (row: Shape<"BesideShown">): string => words.t(`figures.beside.${row.name}`);
  return (
    <Section
      title={words.t("figures.of.beside")}
      loaded={loaded}
      none={words.t("figures.noDecisions")}
      head={["", ...REFERENCES.map((one) => words.t(`figures.against.${one}`))]}
      rows={rows.map((row) => [
        title(row),
        ...REFERENCES.map((one) => <Figure key={one} found={row[one]} write={(value) => written(row.name, value, words)} />),
      ])}
      charts={rows.map((row) => ({
        title: title(row),
        bars: REFERENCES.map((one) => ({ name: words.t(`figures.against.${one}`), value: row[one] })),
        reach: isShare(row.name) ? 1 : 0,
        write: (value: number) => written(row.name, value, words),
      }))}
      hint={found ? words.t("figures.besideLimits", { decided: found.decided, accepted: found.accepted, blind: found.blind }) : ""}
      csv={{ url: place("/v1/figures/beside-people", {}, period), name: "beside-people" }}
    />
  );
}

type Name = Shape<"BesideShown">["name"];

function isShare(name: Name): boolean {
  return !name.startsWith("deduction_error") && name !== "deduction_bias_points" && name !== "price_error";
}

function written(name: Name, value: number, words: Words): string {
  if (isShare(name)) return words.percent(value, 0);
  if (name === "deduction_error_kg") return words.kg(value);
  if (name === "price_error") return words.t("figures.perTonne", { amount: words.number(value, 1) });
  return words.t("figures.points", { n: words.number(value, 2) });
}
