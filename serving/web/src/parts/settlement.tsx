// What a load is paid for: a manager settles it, and its ticket can be printed from then on.
import { type FormEvent, useState } from "react";
import { ask, place, type Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { type Supplied, unanswered } from "../supplier.ts";
import { useKeys } from "../use-keys.ts";
import { useLoaded } from "../use-loaded.ts";
import { amount, deductionRange } from "./deduction.tsx";
import { Failed } from "./failed.tsx";
import { Sentence } from "./sentence.tsx";

const PAPERS = ["a4", "80mm"] as const;

interface Shown {
  load: Shape<"LoadShown">;
  tag: string | null;
  supplied: Supplied;
}

export function Settlement({ load, tag, supplied }: Shown) {
  const words = useWords();
  const me = useMe();
  const hasTicket = load.status === "settled" || supplied.statements.some((one) => one.ticket !== null);
  const mayPrint = me !== null && ["inspector", "manager"].includes(me.role) && hasTicket;
  const maySettle = me?.role === "manager" && load.status === "emptied";
  const waits = load.status === "emptied" && !maySettle;
  if (!mayPrint && !maySettle && !waits) return null;
  return (
    <div className="settlement">
      <h2>{words.t("settle.title")}</h2>
      {mayPrint && (
        <p className="papers">
          {PAPERS.map((paper) => (
            <a
              key={paper}
              target="_blank"
              href={place("/v1/loads/{load}/ticket.pdf", { load: load.id }, { paper, lang: words.language })}
            >
              {words.t(`ticket.${paper}`)}
            </a>
          ))}
        </p>
      )}
      {waits && <p className="hint">{words.t("settle.byManager")}</p>}
      {maySettle && <Settle load={load} tag={tag} waits={unanswered(supplied).length > 0} who={me.name} />}
    </div>
  );
}

function Settle({ load, tag, waits, who }: { load: Shape<"LoadShown">; tag: string | null; waits: boolean; who: string }) {
  const words = useWords();
  const [begun, setBegun] = useState(false);
  const underway = isUnderway(useOutbox(), "settle", { load: load.id });
  const canBegin = !underway && !waits && !begun;
  useKeys("load", { settle: () => setBegun(true) }, canBegin);
  useKeys("decision", { cancel: () => setBegun(false) }, begun);
  if (waits) return <p className="problem">{words.t("settle.waits")}</p>;
  if (underway) return <p className="hint">{words.t("outbox.sending")}</p>;
  if (begun) return <SettleForm load={load} tag={tag} who={who} onClose={() => setBegun(false)} />;
  return (
    <div className="choices">
      <button type="button" onClick={() => setBegun(true)}>
        {words.t("settle.begin")}
      </button>
    </div>
  );
}

/** What the newest version comes to, as the service computes it for a review that changes nothing. */
async function readOutcome(load: string): Promise<Shape<"OutcomeShown">> {
  const answer = await ask("POST", place("/v1/loads/{load}/reviews/preview", { load }), { decision: "accept", reason: "-" });
  return ((await answer.json()) as Shape<"Preview">).before;
}

interface Settling {
  load: Shape<"LoadShown">;
  tag: string | null;
  who: string;
  onClose: () => void;
}

function SettleForm({ load, tag, who, onClose }: Settling) {
  const words = useWords();
  const { value, failed, again } = useLoaded(`settling ${load.id} ${tag}`, () => readOutcome(load.id));
  if (failed) return <Failed why={failed} again={again} />;
  if (!value) return <p role="status">{words.t("effect.wait")}</p>;
  const { money, no_money: why, report } = value;
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const priced = new FormData(event.currentTarget).get("massesAlone") === null;
    const path = place("/v1/loads/{load}/settle", { load: load.id });
    outbox.add({ who, path, body: { priced, adjustments: [] }, ifMatch: tag, text: "settle", about: { load: load.id, plate: load.plate ?? load.id } });
    onClose();
  };
  return (
    <form onSubmit={submit}>
      <dl className="pairs">
        <dt>{words.t("effect.deduction")}</dt>
        <dd>
          {amount(report.truck.deduction.kg, report.truck.deduction.percent_of_net, words)} <small>{deductionRange(report, words)}</small>
        </dd>
        <dt>{words.t("effect.settlement")}</dt>
        <dd>{report.truck.settlement_kg === null ? words.t("effect.none") : words.weight(report.truck.settlement_kg)}</dd>
        <dt>{words.t("effect.money")}</dt>
        <dd>{money ? words.money(money.amount, money.currency) : <Sentence code="no_money" why={why ?? ""} />}</dd>
      </dl>
      <label className="tick">
        <input type="checkbox" name="massesAlone" required={money === null} />
        {words.t("settle.massesAlone")}
      </label>
      <div className="choices">
        <button className="main" autoFocus>
          {words.t("settle.commit")}
        </button>
        <button type="button" onClick={onClose}>
          {words.t("decide.cancel")}
        </button>
      </div>
    </form>
  );
}
