// What a decision would change, computed by the service as it computes the decision itself.
import { useEffect, useState } from "react";
import { ask, place, Unreachable, type Shape } from "../api.ts";
import { correctionFault, type Draft, review } from "../draft.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { amount, deductionRange } from "./deduction.tsx";

const QUIET_MS = 350;

export function Effect({ load, draft }: { load: Shape<"LoadShown">; draft: Draft }) {
  const words = useWords();
  if (draft.decision !== "correct") return <p className="effect">{words.t(`effect.${draft.decision}`)}</p>;
  return <Correction load={load} draft={draft} />;
}

function Correction({ load, draft }: { load: Shape<"LoadShown">; draft: Draft }) {
  const words = useWords();
  const [found, setFound] = useState<Shape<"Preview"> | Error | null>(null);
  const { correction } = review({ ...draft, decision: "correct" }, null);
  const asked = correctionFault(draft) === null ? JSON.stringify(correction) : null;
  const at = place("/v1/loads/{load}/reviews/preview", { load: load.id });
  useEffect(() => {
    if (asked === null) return;
    let stale = false;
    const timer = setTimeout(() => {
      // The reason changes nothing, so it need not be chosen yet.
      ask("POST", at, { decision: "correct", reason: "-", correction: JSON.parse(asked) as unknown })
        .then((answer) => answer.json())
        .then((preview: Shape<"Preview">) => !stale && setFound(preview))
        .catch((error: Error) => !stale && setFound(error));
    }, QUIET_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [asked, at]);
  if (found instanceof Error) {
    return <p className="problem">{words.t("effect.failed", { why: found instanceof Unreachable ? words.t("net.unreachable") : found.message })}</p>;
  }
  if (found === null) return <p className="effect">{words.t("effect.wait")}</p>;
  return <BeforeAndAfter standard={load.standard} preview={found} />;
}

function BeforeAndAfter({ standard, preview }: { standard: string; preview: Shape<"Preview"> }) {
  const words = useWords();
  const names = useNames();
  const sides = [preview.before, preview.after];
  const grade = ({ report }: Shape<"OutcomeShown">): string =>
    report.truck.grade === null ? words.t("load.noGrade") : names.grade(standard, report.truck.grade, words.language);
  const rows: [string, string[], string[]?][] = [
    [words.t("effect.grade"), sides.map(grade)],
    [
      words.t("effect.deduction"),
      sides.map(({ report: { truck } }) => amount(truck.deduction.kg, truck.deduction.percent_of_net, words)),
      sides.map(({ report: { truck } }) => deductionRange(truck.deduction, words)),
    ],
    [
      words.t("effect.settlement"),
      sides.map(({ report: { truck } }) => (truck.settlement_kg === null ? words.t("effect.none") : words.weight(truck.settlement_kg))),
    ],
    [
      words.t("effect.money"),
      sides.map(({ money }) => (money ? words.money(money.amount, money.currency) : words.t("effect.none"))),
    ],
  ];
  return (
    <table className="effect" aria-live="polite">
      <caption>{words.t("effect.title")}</caption>
      <thead>
        <tr>
          <td />
          <th scope="col">{words.t("effect.before")}</th>
          <th scope="col">{words.t("effect.after")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, values, more]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            {values.map((value, side) => (
              <td key={side}>
                {side === 1 && value !== values[0] ? <b>{value}</b> : value}
                {side === 1 && more && <small>{more[side]}</small>}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
