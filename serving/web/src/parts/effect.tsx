// What a decision would change, computed by the service as it computes the decision itself.
import { useEffect, useState } from "react";
import { ask, place, type Shape, whyOf } from "../api.ts";
import { correctionFault, type Draft, review } from "../draft.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { whySaid } from "../why.ts";
import { amount, deductionRange } from "./deduction.tsx";

const QUIET_MS = 350;

interface Effected {
  load: Shape<"LoadShown">;
  tag: string | null;
  report: Shape<"Report">;
  draft: Draft;
}

export function Effect({ load, tag, report, draft }: Effected) {
  const words = useWords();
  if (draft.decision === "correct") return <Correction load={load} tag={tag} draft={draft} />;
  const isUnseen = draft.decision === "accept" && report.layers.length === 0;
  return <p className="effect">{words.t(isUnseen ? "effect.acceptUnseen" : `effect.${draft.decision}`)}</p>;
}

function Correction({ load, tag, draft }: Omit<Effected, "report">) {
  const words = useWords();
  const [computed, setComputed] = useState<{ of: string; found: Shape<"Preview"> | Error } | null>(null);
  const { correction } = review({ ...draft, decision: "correct" }, null);
  // What it comes to is another where the load has become another: a weight came, say.
  const asked = correctionFault(draft) === null ? JSON.stringify([tag, correction]) : null;
  const at = place("/v1/loads/{load}/reviews/preview", { load: load.id });
  useEffect(() => {
    if (asked === null) return;
    let stale = false;
    const show = (found: Shape<"Preview"> | Error): void => void (stale || setComputed({ of: asked, found }));
    const timer = setTimeout(() => {
      const [, entered] = JSON.parse(asked) as [unknown, unknown];
      // The reason changes nothing, so it need not be chosen yet.
      ask("POST", at, { decision: "correct", reason: "-", correction: entered })
        .then((answer) => answer.json())
        .then(show, show);
    }, QUIET_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [asked, at]);
  if (asked === null) return <p className="effect">{words.t("effect.notComputed")}</p>;
  if (computed === null) return <p className="effect">{words.t("effect.wait")}</p>;
  const { of, found } = computed;
  if (found instanceof Error) {
    return <p className="problem">{words.t("effect.failed", { why: whySaid(whyOf(found), words) })}</p>;
  }
  return <BeforeAndAfter standard={load.standard} preview={found} isOld={of !== asked} />;
}

/** `isOld` while what was entered since is being computed: the figures of before are not those of now. */
function BeforeAndAfter({ standard, preview, isOld }: { standard: string; preview: Shape<"Preview">; isOld: boolean }) {
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
      sides.map(({ report }) => deductionRange(report, words)),
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
    <table className="effect" aria-live="polite" aria-busy={isOld}>
      <caption>{words.t(isOld ? "effect.wait" : "effect.title")}</caption>
      <thead>
        <tr>
          <td />
          <th scope="col">{words.t("effect.before")}</th>
          <th scope="col">{words.t("effect.after")}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, values, more]) => (
          <tr key={name} className={values[0] === values[1] ? "" : "changed"}>
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
