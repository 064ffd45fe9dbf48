import { memo } from "react";
import type { Shape } from "../api.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { isTextKey, type Words } from "../texts.ts";
import { Sentence } from "./sentence.tsx";

type Report = Shape<"Report">;

// A hundredth of a percent is the last digit that is shown.
const LEAST = 0.00005;

interface Figure {
  kg: number | null;
  kg_low: number | null;
  kg_high: number | null;
}

/** An amount in kilograms where the load was weighed, else in percent of its net. */
export function amount(kg: number | null, percent: number, words: Words): string {
  return kg === null ? words.percent(percent / 100, 2) : words.kg(kg);
}

/** The interval of a figure; empty where it has none. */
export function between(figure: Figure, words: Words): string {
  if (figure.kg_low === null || figure.kg_high === null) return "";
  // What is taken off a deduction, as an allowance is, is greatest at its lower end.
  const [low, high] = [figure.kg_low, figure.kg_high].sort((one, other) => one - other) as [number, number];
  return words.t("load.between", { low: words.kg(low), high: words.kg(high) });
}

/** The interval of the whole deduction, in kilograms or in percent; what it lacks is said. */
export function deductionRange({ layers, truck: { deduction } }: Report, words: Words): string {
  // A report that was made before such loads had no interval has one from 0 to 0.
  if (layers.length === 0) return words.t("load.nothingSeen");
  const { kg_low, percent_low, percent_high, coverage_level } = deduction;
  if (percent_low === null || percent_high === null) return words.t("load.noInterval");
  const range =
    kg_low === null
      ? words.t("load.between", { low: words.percent(percent_low / 100, 2), high: words.percent(percent_high / 100, 2) })
      : between(deduction, words);
  return coverage_level === null ? range : `${range} (${words.t("load.level", { level: words.percent(coverage_level) })})`;
}

/** What is taken off, cause by cause, with where it comes from. */
export const Deduction = memo(function Deduction({ report }: { report: Report }) {
  const words = useWords();
  const { deduction } = report.truck;
  return (
    <section>
      <h2>{words.t("load.deduction")}</h2>
      <table>
        <thead>
          <tr>
            <th scope="col">{words.t("load.cause")}</th>
            <th scope="col" className="figure">
              {words.t("load.amount")}
            </th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(deduction.by_cause).map(([cause, part]) => {
            const key = `cause.${cause}`;
            return (
              <tr key={cause}>
                <th scope="row">
                  {isTextKey(key) ? words.t(key) : cause}
                  <small>
                    <Sentence code={key} why={part.why} />
                  </small>
                </th>
                <td className="figure">
                  {amount(part.kg, part.percent_of_net, words)}
                  <small>{between(part, words)}</small>
                </td>
              </tr>
            );
          })}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{words.t("load.total")}</th>
            <td className="figure">
              <b>{amount(deduction.kg, deduction.percent_of_net, words)}</b>
              <small>{deductionRange(report, words)}</small>
            </td>
          </tr>
        </tfoot>
      </table>
      {deduction.scale_uncertainty_kg !== null && (
        <p>{words.t("load.scale", { kg: words.kg(deduction.scale_uncertainty_kg) })}</p>
      )}
      <Contaminants report={report} />
      <details>
        <summary>{words.t("load.trace")}</summary>
        <ol className="trace">
          {report.explain.map((line) => (
            <li key={line}>
              <Sentence code="trace" why={line} />
            </li>
          ))}
        </ol>
      </details>
    </section>
  );
});

function Contaminants({ report }: { report: Report }) {
  const words = useWords();
  const names = useNames();
  const seen = Object.entries(report.truck.contaminants).filter(([, part]) => part.mass >= LEAST).sort(([, one], [, other]) => other.mass - one.mass);
  if (seen.length === 0) return null;
  return (
    <table>
      <caption>{words.t("load.contaminants")}</caption>
      <tbody>
        {seen.map(([id, part]) => (
          <tr key={id}>
            <th scope="row">{names.class(id, words.language)}</th>
            <td className="figure">
              {amount(part.kg, 100 * part.mass, words)}
              <small>{between(part, words)}</small>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
