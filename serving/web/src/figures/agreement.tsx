import { place, type Query, read, type Shape } from "../api.ts";
import { plainName } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Section } from "./section.tsx";
import { Figure } from "./figure.tsx";

export function Agreement({ period }: { period: Query }) {
  const words = useWords();
  const loaded = useLoaded(`agreement ${JSON.stringify(period)}`, () => read("/v1/figures/agreement", {}, period));
  const pairs = loaded.value?.pairs ?? [];
  const rater = (name: string): string => (name === "machine" ? words.t("figures.machine") : plainName(name));
  const pairName = (pair: Shape<"AgreementShown">): string => `${rater(pair.one)} / ${rater(pair.other)}`;
  const two = (part: number): string => words.number(part, 2);
  return (
    <Section
      title={words.t("figures.of.agreement")}
      loaded={loaded}
      none={words.t("figures.noPairs")}
      head={(["pair", "observed", "byChance", "kappa"] as const).map((name) => words.t(`figures.${name}`))}
      rows={pairs.map((pair) => [
        pairName(pair),
        <Figure key="observed" found={pair.observed} write={(part) => words.percent(part)} />,
        words.percent(pair.by_chance),
        <Figure key="kappa" found={pair.kappa} write={two} />,
      ])}
      charts={[
        { title: words.t("figures.kappa"), bars: pairs.map((pair) => ({ name: pairName(pair), value: pair.kappa })), reach: 1, write: two },
      ]}
      hint={words.t("figures.blindOnly", { n: loaded.value?.not_blind ?? 0 })}
      csv={{ url: place("/v1/figures/agreement", {}, period), name: "agreement" }}
    />
  );
}
