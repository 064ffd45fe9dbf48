// What was deducted from whom, how sure that was, and how far people and the machine agree.
import { type FormEvent, type ReactNode, useState } from "react";
import { place, type Query, read, type Shape } from "../api.ts";
import { GROUPINGS, type Grouping, isOfNet, maySeeFigures, MEASURES, type Measured, share } from "../figures.ts";
import { Bars, NOTHING } from "../parts/bars.tsx";
import { CsvButton } from "../parts/csv-button.tsx";
import { Failed } from "../parts/failed.tsx";
import { follow, go } from "../route.ts";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import type { Words } from "../texts.ts";
import { useLoaded } from "../use-loaded.ts";

export function FiguresPage({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const me = useMe();
  const by = GROUPINGS.find((one) => one === query.get("by")) ?? "supplier";
  const period = { since: query.get("since"), until: query.get("until") };
  const to = (change: Query): string => place("/figures", {}, { by, ...period, ...change });
  return (
    <>
      <h1>{words.t("figures.title")}</h1>
      {!maySeeFigures(me) && <p className="empty">{words.t("figures.notYours")}</p>}
      {maySeeFigures(me) && (
        <>
          <nav className="filters" aria-label={words.t("figures.by")}>
            {GROUPINGS.map((one) => (
              <a key={one} {...follow(to({ by: one }))} aria-current={one === by ? "true" : undefined}>
                {words.t(`figures.by.${one}`)}
              </a>
            ))}
          </nav>
          <Period key={query.toString()} period={period} onPeriod={(chosen) => go(to(chosen))} />
          <Deductions by={by} period={period} />
          <Agreement period={period} />
        </>
      )}
    </>
  );
}

function Period({ period, onPeriod }: { period: Query; onPeriod: (period: Query) => void }) {
  const words = useWords();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    onPeriod({ since: String(given.get("since")), until: String(given.get("until")) });
  };
  return (
    <form className="period" onSubmit={submit}>
      {(["since", "until"] as const).map((end) => (
        <label key={end}>
          {words.t(`figures.${end}`)}
          <input type="date" name={end} defaultValue={String(period[end] ?? "")} />
        </label>
      ))}
      <button>{words.t("figures.show")}</button>
    </form>
  );
}

function Deductions({ by, period }: { by: Grouping; period: Query }) {
  const words = useWords();
  const [charted, setCharted] = useState<Measured>("deduction_percent");
  const asked = { by, ...period };
  const { value, failed, again } = useLoaded(`figures ${JSON.stringify(asked)}`, () => read("/v1/figures/deductions", {}, asked));
  const groups = value?.groups ?? [];
  const title = (measured: Measured): string => words.t(`figures.${measured}`);
  return (
    <section className="card">
      <h2>{words.t("figures.deductions")}</h2>
      {failed && <Failed why={failed} again={again} />}
      {value && groups.length === 0 && <p className="empty">{words.t("figures.none")}</p>}
      {groups.length > 0 && (
        <div className="beside">
          <Table
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
              ...MEASURES.map((measured) => (
                <Figure key={measured} found={share(group, measured)} write={(part) => percent(part, measured, words)} />
              )),
            ])}
          />
          <div>
            <label>
              {words.t("figures.chart")}
              <select value={charted} onChange={(event) => setCharted(event.target.value as Measured)}>
                {MEASURES.map((one) => (
                  <option key={one} value={one}>
                    {title(one)}
                  </option>
                ))}
              </select>
            </label>
            <Bars
              title={title(charted)}
              bars={groups.map((group) => ({ name: groupName(group.key, by, words), value: share(group, charted) }))}
              reach={isOfNet(charted) ? 0 : 1}
              write={(part) => percent(part, charted, words)}
            />
          </div>
        </div>
      )}
      <p className="hint">{words.t("figures.limits")}</p>
      <CsvButton url={place("/v1/figures/deductions", {}, asked)} name={`by-${by}`} />
    </section>
  );
}

function Agreement({ period }: { period: Query }) {
  const words = useWords();
  const { value, failed, again } = useLoaded(`agreement ${JSON.stringify(period)}`, () => read("/v1/figures/agreement", {}, period));
  const pairs = value?.pairs ?? [];
  const rater = (name: string): string => (name === "machine" ? words.t("figures.machine") : plainName(name));
  const pairName = (pair: Shape<"AgreementShown">): string => `${rater(pair.one)} / ${rater(pair.other)}`;
  const two = (part: number): string => words.number(part, 2);
  return (
    <section className="card">
      <h2>{words.t("figures.agreement")}</h2>
      {failed && <Failed why={failed} again={again} />}
      {value && pairs.length === 0 && <p className="empty">{words.t("figures.noPairs")}</p>}
      {pairs.length > 0 && (
        <div className="beside">
          <Table
            head={(["pair", "observed", "byChance", "kappa"] as const).map((name) => words.t(`figures.${name}`))}
            rows={pairs.map((pair) => [
              pairName(pair),
              <Figure found={pair.observed} write={(part) => words.percent(part)} />,
              words.percent(pair.by_chance),
              <Figure found={pair.kappa} write={two} />,
            ])}
          />
          <Bars
            title={words.t("figures.kappa")}
            bars={pairs.map((pair) => ({ name: pairName(pair), value: pair.kappa }))}
            reach={1}
            write={two}
          />
        </div>
      )}
      {value && <p className="hint">{words.t("figures.blindOnly", { n: value.not_blind })}</p>}
      <CsvButton url={place("/v1/figures/agreement", {}, period)} name="agreement" />
    </section>
  );
}

/** A table with a row for each group. On a phone every row is a list, so each cell says what it is. */
function Table({ head, rows }: { head: string[]; rows: ReactNode[][] }) {
  return (
    <table className="wide">
      <thead>
        <tr>
          {head.map((name, at) => (
            <th key={name} scope="col" className={at ? "figure" : ""}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, ...cells]) => (
          <tr key={String(name)}>
            <th scope="row">{name}</th>
            {cells.map((cell, at) => (
              <td key={head[at + 1]} className="figure">
                <span className="name" aria-hidden="true">
                  {head[at + 1]}
                </span>
                <span>{cell}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** A figure with its interval and what it was counted on. */
function Figure({ found, write }: { found: Shape<"Measure"> | null; write: (part: number) => string }) {
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

function percent(part: number, measured: Measured, words: Words): string {
  return words.percent(part, isOfNet(measured) ? 2 : 0);
}

function groupName(key: string | null, by: Grouping, words: Words): string {
  if (key === null) return words.t(`figures.without.${by}`);
  return by === "inspector" ? plainName(key) : key;
}
