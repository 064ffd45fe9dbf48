import { place, type Query, read, type Shape } from "../api.ts";
import { type Grouping, PRICE_CLASSES } from "../figures.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Section } from "./section.tsx";
import { Figure, groupName } from "./figure.tsx";

const ERRORS = ["error", "bias"] as const;

/** How far the machine's price a tonne is from what stands: in the classes that mills count in, and the error itself. */
export function Prices({ by, period }: { by: Grouping; period: Query }) {
  const words = useWords();
  const asked = { by, ...period };
  const loaded = useLoaded(`prices ${JSON.stringify(asked)}`, () => read("/v1/figures/prices", {}, asked));
  const groups = loaded.value?.groups ?? [];
  const [currency, ...others] = new Set(groups.map((group) => group.currency));
  const name = (group: Shape<"PricesShown">): string =>
    others.length ? `${groupName(group.key, by, words)} (${group.currency})` : groupName(group.key, by, words);
  const perTonne = (value: number): string => words.t("figures.perTonne", { amount: words.money(String(value), currency ?? "CNY") });
  return (
    <Section
      title={words.t("figures.of.prices")}
      loaded={loaded}
      none={words.t("figures.noPrices")}
      head={[
        words.t(`figures.by.${by}`),
        words.t("figures.loads"),
        words.t("figures.corrected"),
        ...PRICE_CLASSES.map((one) => words.t(`figures.price.${one}`)),
        ...ERRORS.map((one) => words.t(`figures.price.${one}`)),
      ]}
      rows={groups.map((group) => [
        name(group),
        words.number(group.loads, 0),
        words.number(group.corrected, 0),
        ...PRICE_CLASSES.map((one) => <Figure key={one} found={group[one]} write={(part) => words.percent(part, 0)} />),
        ...ERRORS.map((one) => (
          <Figure
            key={one}
            found={group[one]}
            write={(value) => words.t("figures.perTonne", { amount: words.money(String(value), group.currency) })}
          />
        )),
      ])}
      charts={[
        ...PRICE_CLASSES.map((one) => ({
          title: words.t(`figures.price.${one}`),
          bars: groups.map((group) => ({ name: name(group), value: group[one] })),
          reach: 1,
          write: (part: number) => words.percent(part, 0),
        })),
        // Amounts in several currencies share no scale.
        ...(others.length ? [] : ERRORS).map((one) => ({
          title: words.t(`figures.price.${one}`),
          bars: groups.map((group) => ({ name: name(group), value: group[one] })),
          reach: 0,
          write: perTonne,
        })),
      ]}
      hint={words.t("figures.priceLimits")}
      csv={{ url: place("/v1/figures/prices", {}, asked), name: `prices-by-${by}` }}
    />
  );
}
