// The supplier's side of a load: the link to his page, what he said of which version, and a manager's answer.
import { type FormEvent, useRef, useState } from "react";
import { ask, place, type Shape, whyOf } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import type { Dispute, Statement, Supplied } from "../supplier.ts";
import { whySaid } from "../why.ts";

interface Shown {
  load: Shape<"LoadShown">;
  tag: string | null;
  supplied: Supplied;
  onLinked: () => void;
}

export function SupplierSide({ load, tag, supplied, onLinked }: Shown) {
  const words = useWords();
  const me = useMe();
  const mayLink = me !== null && ["inspector", "manager"].includes(me.role);
  return (
    <section className="supplied">
      <h2>{words.t("supplied.title")}</h2>
      {supplied.statements.length === 0 && <p>{words.t("supplied.silent")}</p>}
      <ol className="history">
        {supplied.statements.map((statement) => (
          <Told key={statement.number} load={load} tag={tag} statement={statement} />
        ))}
      </ol>
      {supplied.links.length === 0 && <p>{words.t("supplied.noLink")}</p>}
      <ul>
        {supplied.links.map((link) => (
          <li key={link.at}>
            <small>
              {words.t("supplied.linked", { version: link.version, until: words.moment(link.until) })}{" "}
              {words.t("load.by", { who: plainName(link.actor), at: words.moment(link.at) })}
            </small>
          </li>
        ))}
      </ul>
      {mayLink && <LinkMaker load={load} version={supplied.open_version} onLinked={onLinked} />}
    </section>
  );
}

function Told({ load, tag, statement }: { load: Shape<"LoadShown">; tag: string | null; statement: Statement }) {
  const words = useWords();
  return (
    <li>
      <b>{words.t(`supplied.said.${statement.said}`, { who: statement.name, version: statement.version })}</b>{" "}
      {statement.said === "dispute" && <>{words.t(`supplied.reason.${statement.reason}`)}: </>}
      {statement.text && <q>{statement.text}</q>}
      <small>
        {words.moment(statement.at)}, {words.t(`supplied.via.${statement.via}`, { who: plainName(statement.actor) })}
      </small>
      {statement.said === "dispute" && <Answers load={load} tag={tag} dispute={statement} />}
    </li>
  );
}

function Answers({ load, tag, dispute }: { load: Shape<"LoadShown">; tag: string | null; dispute: Dispute }) {
  const words = useWords();
  const me = useMe();
  const due = words.moment(dispute.answer_due_at);
  const [answer] = dispute.answers;
  if (answer) {
    return (
      <p className="answer">
        <b>{words.t(`supplied.outcome.${answer.outcome}`)}</b> <q>{answer.text}</q>
        <small>
          {words.t("load.by", { who: plainName(answer.actor), at: words.moment(answer.at) })} {words.t("load.version", { n: answer.version })}
        </small>
      </p>
    );
  }
  return (
    <>
      <p className={dispute.overdue ? "problem" : "hint"}>{words.t(dispute.overdue ? "supplied.overdue" : "supplied.due", { at: due })}</p>
      {me?.role === "manager" && <AnswerForm load={load} tag={tag} dispute={dispute} who={me.name} />}
    </>
  );
}

function AnswerForm({ load, tag, dispute, who }: { load: Shape<"LoadShown">; tag: string | null; dispute: Dispute; who: string }) {
  const words = useWords();
  const about = { load: load.id, number: String(dispute.number) };
  // The form stays while it is sent: what was entered is still there where the service refuses it.
  const underway = isUnderway(useOutbox(), "answer", about);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    outbox.add({
      who,
      path: place("/v1/loads/{load}/disputes/{number}/answer", about),
      body: { outcome: String(given.get("outcome")), text: String(given.get("text")).trim() },
      ifMatch: tag,
      text: "answer",
      about,
    });
  };
  return (
    <form onSubmit={submit}>
      <fieldset className="reasons" disabled={underway}>
        <legend>{words.t("answer.title")}</legend>
        {(["explained", "changed"] as const).map((outcome) => (
          <label key={outcome}>
            <input type="radio" name="outcome" value={outcome} required />
            {words.t(`answer.outcome.${outcome}`)}
          </label>
        ))}
        <label className="note">
          {words.t("answer.text")}
          <input name="text" required pattern=".*\S.*" maxLength={2000} autoComplete="off" />
        </label>
      </fieldset>
      <div className="choices">
        <button className="main" disabled={underway}>
          {words.t(underway ? "outbox.sending" : "answer.commit")}
        </button>
      </div>
    </form>
  );
}

type Link = { url: string; version: number; until: string };

/** Makes a link to the supplier's page. It is not kept in the outbox: a link that is not seen at once helps nobody. */
function LinkMaker({ load, version, onLinked }: { load: Shape<"LoadShown">; version: number | null; onLinked: () => void }) {
  const words = useWords();
  const [made, setMade] = useState<Link | Error | null>(null);
  const [asking, setAsking] = useState(false);
  // Asked for again after an answer that was lost, it is the same link.
  const key = useRef<string | null>(null);
  if (made !== null && !(made instanceof Error) && made.version === version) return <LinkShown link={made} />;
  if (version === null) return <p className="hint">{words.t("supplied.notOpen")}</p>;
  const make = async (): Promise<void> => {
    setAsking(true);
    try {
      key.current ??= crypto.randomUUID();
      const once = { "Idempotency-Key": key.current };
      const answer = await ask("POST", place("/v1/loads/{load}/supplier-link", { load: load.id }), undefined, once);
      setMade((await answer.json()) as Link);
      key.current = null;
      onLinked();
    } catch (error) {
      setMade(error as Error);
    } finally {
      setAsking(false);
    }
  };
  return (
    <>
      {made instanceof Error && (
        <p className="problem" role="alert">
          {words.t("supplied.failed", { why: whySaid(whyOf(made), words) })}
        </p>
      )}
      <button type="button" disabled={asking} onClick={() => void make()}>
        {words.t("supplied.make")}
      </button>
      <p className="hint">{words.t("supplied.once", { version })}</p>
    </>
  );
}

function LinkShown({ link }: { link: Link }) {
  const words = useWords();
  const [copied, setCopied] = useState<boolean | null>(null);
  // Browsers let a page copy only where it came over https or from this machine.
  const copy = (): void => {
    const clipboard: Clipboard | undefined = navigator.clipboard;
    if (!clipboard) return setCopied(false);
    clipboard.writeText(link.url).then(
      () => setCopied(true),
      () => setCopied(false),
    );
  };
  return (
    <div className="link">
      <label>
        {words.t("supplied.link", { until: words.moment(link.until) })}
        <input readOnly value={link.url} onFocus={(event) => event.currentTarget.select()} />
      </label>
      <button type="button" onClick={copy}>
        {words.t("supplied.copy")}
      </button>
      <p role="status" className="hint">
        {copied !== null && words.t(copied ? "supplied.copied" : "supplied.byHand")}
      </p>
    </div>
  );
}
