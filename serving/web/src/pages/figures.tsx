// What was deducted from whom, how sure that was, how far people and the machine agree, and whether what it sees moves.
import { place, type Query } from "../api.ts";
import { askedPeriod, GROUPINGS, isGrouped, maySeeFigures, SECTIONS } from "../figures.ts";
import { Agreement } from "../figures/agreement.tsx";
import { BesidePeople } from "../figures/beside-people.tsx";
import { Deductions } from "../figures/deductions.tsx";
import { DriftFigures } from "../figures/drift.tsx";
import { Hazards } from "../figures/hazards.tsx";
import { Period } from "../figures/period.tsx";
import { Prices } from "../figures/prices.tsx";
import { follow, go } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";

export function FiguresPage({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const me = useMe();
  const of = SECTIONS.find((one) => one === query.get("of")) ?? "deductions";
  const by = GROUPINGS.find((one) => one === query.get("by")) ?? "supplier";
  const period = askedPeriod(query, new Date());
  const asked = Object.fromEntries(query);
  const to = (change: Query): string => place("/figures", {}, { ...asked, ...change });
  if (!maySeeFigures(me)) {
    return (
      <>
        <h1>{words.t("figures.title")}</h1>
        <p className="empty">{words.t("figures.notYours")}</p>
      </>
    );
  }
  return (
    <>
      <h1>{words.t("figures.title")}</h1>
      <nav className="filters" aria-label={words.t("figures.of")}>
        {SECTIONS.map((one) => (
          <a key={one} {...follow(to({ of: one }))} aria-current={one === of ? "true" : undefined}>
            {words.t(`figures.of.${one}`)}
          </a>
        ))}
      </nav>
      {isGrouped(of) && (
        <nav className="filters" aria-label={words.t("figures.by")}>
          {GROUPINGS.map((one) => (
            <a key={one} {...follow(to({ by: one }))} aria-current={one === by ? "true" : undefined}>
              {words.t(`figures.by.${one}`)}
            </a>
          ))}
        </nav>
      )}
      <Period key={JSON.stringify(period)} names={["since", "until"]} period={period} onPeriod={(chosen) => go(to(chosen))} />
      {of === "deductions" && <Deductions by={by} period={period} />}
      {of === "prices" && <Prices by={by} period={period} />}
      {of === "beside" && <BesidePeople period={period} />}
      {of === "hazards" && <Hazards period={period} />}
      {of === "drift" && (
        <DriftFigures
          period={period}
          reference={{ since: query.get("before_since"), until: query.get("before_until") }}
          camera={query.get("camera")}
          onAsk={(change) => go(to(change))}
        />
      )}
      {of === "agreement" && <Agreement period={period} />}
    </>
  );
}
