import { place, type Query, read } from "../api.ts";
import { type Grouping, isOfNet, MEASURES, type Measured, share } from "../figures.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Section } from "./section.tsx";
import { Figure, groupName } from "./figure.tsx";

export function Deductions({ by, period }: { by: Grouping; period: Query }) {
  const words = useWords();
  const asked = { by, ...period };
  const loaded = useLoaded(`figures ${JSON.stringify(asked)}`, () => read("/v1/figures/deductions", {}, asked));
  const groups = loaded.value?.groups ?? [];
  const title = (measured: Measured): string => words.t(`figures.${measured}`);
  const write = (measured: Measured) => (part: number): string => words.percent(part, isOfNet(measured) ? 2 : 0);
  return (
    <Section
      title={words.t("figures.of.deductions")}
      loaded={loaded}
      none={words.t("figures.none")}
      head={[
        words.t(`figures.by.${by}`),
        ...(["loads", "weighed", "net", "deducted"] as const).map((name) => words.t(`figures.${name}`)),
        ...MEASURES.map(title),
      ]}
      rows={groups.map((group) => [
        groupName(group.key, by, words),
        words.number(group.loads, 0),
        words.number(group.weighed, 0),
        words.weight(Number(group.net_kg)),
        words.weight(Number(group.deduction_kg)),
        ...MEASURES.map((measured) => <Figure key={measured} found={share(group, measured)} write={write(measured)} />),
      ])}
      charts={MEASURES.map((measured) => ({
        title: title(measured),
        bars: groups.map((group) => ({ name: groupName(group.key, by, words), value: share(group, measured) })),
        reach: isOfNet(measured) ? 0 : 1,
        write: write(measured),
      }))}
      hint={words.t("figures.limits")}
      csv={{ url: place("/v1/figures/deductions", {}, asked), name: `by-${by}` }}
    />
  );
}
