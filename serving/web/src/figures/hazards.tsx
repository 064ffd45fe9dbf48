import { place, type Query, read } from "../api.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Section } from "./section.tsx";
import { Figure } from "./figure.tsx";

/** How often each class of danger was seen, and what people made of these loads. */
export function Hazards({ period }: { period: Query }) {
  const words = useWords();
  const names = useNames();
  const loaded = useLoaded(`hazards ${JSON.stringify(period)}`, () => read("/v1/figures/hazards", {}, period));
  const classes = loaded.value?.classes ?? [];
  const percent = (part: number): string => words.percent(part, 1);
  return (
    <Section
      title={words.t("figures.of.hazards")}
      loaded={loaded}
      none={words.t("figures.noHazards")}
      head={(["hazard", "loads", "hazardRate", "stopped", "waiting"] as const).map((name) => words.t(`figures.${name}`))}
      rows={classes.map((one) => [
        names.class(one.class_id, words.language),
        words.number(one.loads, 0),
        <Figure key="rate" found={one.rate} write={percent} />,
        <Figure key="stopped" found={one.stopped} write={percent} />,
        words.number(one.waiting, 0),
      ])}
      charts={(["rate", "stopped"] as const).map((measured) => ({
        title: words.t(measured === "rate" ? "figures.hazardRate" : "figures.stopped"),
        bars: classes.map((one) => ({ name: names.class(one.class_id, words.language), value: one[measured] })),
        reach: measured === "rate" ? 0 : 1,
        write: percent,
      }))}
      hint={words.t("figures.hazardLimits", { n: loaded.value?.loads ?? 0 })}
      csv={{ url: place("/v1/figures/hazards", {}, period), name: "hazards" }}
    />
  );
}
