// The decision on a load: chosen, given its reason, and committed. Until then every step can be undone, and what was
// entered stays in this browser, whatever becomes of the session or the page.
import { type ReactNode, useEffect, useRef, useState } from "react";
import { place, type Shape } from "../api.ts";
import { outbox } from "../decisions.ts";
import { because, begun, type Decision as Kind, type Draft, fault, type Fault, REASONS, review, type Steps, stepped, undone } from "../draft.ts";
import { useNames } from "../names.ts";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { isTextKey, type TextKey, type Words } from "../texts.ts";
import { useClaim } from "../use-claim.ts";
import { useKeys } from "../use-keys.ts";
import { CorrectionForm } from "./correction-form.tsx";
import { Effect } from "./effect.tsx";

const KINDS: Kind[] = ["accept", "correct", "stop", "second"];
const DECIDABLE = ["graded", "flagged", "reviewed", "emptied"];

interface Deciding {
  load: Shape<"LoadShown">;
  tag: string | null;
  report: Shape<"Report">;
  /** Something of the load has changed and is being read: what is shown is not what would be decided on. */
  isReading: boolean;
  /** What is decided so far, step by step; null where nothing is. */
  steps: Steps | null;
  setSteps: (steps: Steps | null) => void;
  lastCorrection: Shape<"CorrectionShown"> | null;
  onDone: () => void;
  onNext: () => void;
  /** What may be done where nothing is being decided: a key pressed for the one must never do the other. */
  children: ReactNode;
}

export function Decision({ load, tag, report, isReading, steps, setSteps, lastCorrection, onDone, onNext, children }: Deciding) {
  const words = useWords();
  const me = useMe();
  const [told, setTold] = useState<Fault | null>(null);
  // Committed while the load was being read anew, at this tag of it: sent once it is known to be as it was shown.
  const [committed, setCommitted] = useState<{ tag: string | null } | null>(null);
  // Cancelled, perhaps by a key that was meant for something else: it can be taken up again while the page stays.
  const [cancelled, setCancelled] = useState<Steps | null>(null);
  const box = useRef<HTMLElement>(null);
  const may = me !== null && ["inspector", "manager"].includes(me.role);
  const claimed = useClaim(load.id, me?.name ?? null, may && load.status === "flagged");
  const canDecide = may && DECIDABLE.includes(load.status);
  // Whoever sees a danger stops a load, whoever works on it.
  const kinds = !canDecide ? [] : claimed.by === null ? KINDS : KINDS.filter((kind) => kind === "stop");
  const draft = steps?.now ?? null;

  const begin = (kind: Kind, from: Steps = { now: begun(kind, lastCorrection), before: [] }): void => {
    if (!kinds.includes(kind)) return;
    setTold(null);
    setCancelled(null);
    setSteps(from);
  };
  const change = (by: Partial<Draft>): void => {
    setTold(null);
    setCommitted(null);
    if (steps) setSteps(stepped(steps, by));
  };
  const leave = (before: Steps | null): void => {
    setCommitted(null);
    setSteps(before);
  };
  const cancel = (): void => {
    const isBlank = draft && JSON.stringify(draft) === JSON.stringify(begun(draft.decision, lastCorrection));
    setCancelled(isBlank ? null : steps);
    leave(null);
  };
  const commit = (): void => {
    if (!draft || !me) return;
    const found = fault(draft);
    if (found) {
      // Where it is put right may lie under what is committed.
      if (found.is === "needsReason") document.querySelector(".reasons")?.scrollIntoView();
      return setTold(found);
    }
    setTold(null);
    setCommitted({ tag });
  };
  const send = (): void => {
    if (!draft || !me) return;
    const offered = draft.reason === null ? null : words.t(`reason.${draft.decision}.${draft.reason}` as TextKey);
    outbox.add({
      who: me.name,
      ...(draft.decision === "second"
        ? { path: place("/v1/loads/{load}/second-opinion", { load: load.id }), body: { reason: because(draft, offered) }, ifMatch: null }
        : {
            path: place("/v1/loads/{load}/reviews", { load: load.id }),
            body: review({ ...draft, decision: draft.decision }, offered),
            ifMatch: tag,
          }),
      text: draft.decision,
      about: { load: load.id, plate: load.plate ?? load.id },
      draft: JSON.stringify(draft),
    });
    setSteps(null);
    onDone();
  };
  useEffect(() => {
    if (committed === null || isReading) return;
    setCommitted(null);
    if (committed.tag === tag) send();
    else setTold({ is: "changed" });
  }, [committed, isReading]);

  useEffect(() => {
    // All of it where it can be: fields, what they come to, and the button.
    if (box.current && box.current.clientHeight <= innerHeight) box.current.scrollIntoView({ block: "nearest" });
  }, [draft?.decision]);

  useKeys("load", { accept: () => begin("accept"), correct: () => begin("correct"), stop: () => begin("stop"), second: () => begin("second") }, canDecide && draft === null);
  useKeys("load", { next: onNext }, draft === null);
  useKeys(
    "decision",
    {
      reason: (key) => REASONS.some((reason) => String(reason) === key) && change({ reason: Number(key) }),
      commit,
      undo: () => steps && leave(undone(steps) ?? steps),
      cancel,
    },
    draft !== null,
  );

  if (!may) return <p className="decision">{words.t("decide.readOnly")}</p>;
  const status = words.t(`status.${load.status}`);
  return (
    <section className="decision" ref={box} aria-label={words.t("decide.title")}>
      {!DECIDABLE.includes(load.status) && <p>{words.t("decide.notNow", { status })}</p>}
      {claimed.by && (
        <p className="problem" role="status">
          {words.t("claim.other", { who: plainName(claimed.by.holder), until: words.time(claimed.by.expires_at) })}{" "}
          {me.role === "manager" && (
            <button type="button" onClick={claimed.takeOver}>
              {words.t("claim.takeOver")}
            </button>
          )}
        </p>
      )}
      {draft === null ? (
        <div className="choices">
          {kinds.map((kind) => (
            <button type="button" key={kind} className={kind} onClick={() => begin(kind)}>
              {words.t(`decide.${kind}`)}
            </button>
          ))}
          {cancelled && kinds.includes(cancelled.now.decision) && (
            <button type="button" onClick={() => begin(cancelled.now.decision, cancelled)}>
              {words.t("decide.takeUp")}
            </button>
          )}
          <button type="button" onClick={onNext}>
            {words.t("decide.next")}
          </button>
        </div>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            commit();
          }}
        >
          <div className="entering">
            <h2>{words.t(`decide.${draft.decision}`)}</h2>
            {draft.decision === "correct" && <p className="hint">{words.t("decide.kept")}</p>}
            {draft.decision === "correct" && <CorrectionForm draft={draft} report={report} onChange={change} />}
            <Reason draft={draft} onChange={change} />
          </div>
          <div className="committing">
            <Effect load={load} tag={tag} report={report} draft={draft} />
            <p role="alert" className="problem">
              <FaultText fault={told} />
            </p>
            {committed && <p role="status">{words.t("decide.reading")}</p>}
            <div className="choices">
              <button className={`main ${draft.decision}`}>{words.t("decide.commit")}</button>
              <button type="button" disabled={steps?.before.length === 0} onClick={() => steps && leave(undone(steps) ?? steps)}>
                {words.t("decide.undo")}
              </button>
              <button type="button" onClick={cancel}>
                {words.t("decide.cancel")}
              </button>
            </div>
          </div>
        </form>
      )}
      {draft === null && children}
    </section>
  );
}

function Reason({ draft, onChange }: { draft: Draft; onChange: (change: Partial<Draft>) => void }) {
  const words = useWords();
  const first = useRef<HTMLInputElement>(null);
  // Whoever corrects begins above, at the picture or at the first field.
  useEffect(() => void (draft.decision !== "correct" && first.current?.scrollIntoView({ block: "nearest" })), [draft.decision]);
  return (
    <fieldset className="reasons">
      <legend>{words.t("decide.why")}</legend>
      {REASONS.map((reason) => (
        <label key={reason}>
          <input
            ref={reason === 1 ? first : null}
            type="radio"
            name="reason"
            checked={draft.reason === reason}
            onChange={() => onChange({ reason })}
          />
          <kbd>{reason}</kbd> {words.t(`reason.${draft.decision}.${reason}`)}
        </label>
      ))}
      <label className="note">
        {words.t("decide.note")}
        <input value={draft.note} maxLength={1500} onChange={(event) => onChange({ note: event.target.value })} />
      </label>
    </fieldset>
  );
}

function FaultText({ fault }: { fault: Fault | null }) {
  const words = useWords();
  const names = useNames();
  if (!fault) return null;
  if (!("field" in fault)) return words.t(`decide.${fault.is}`);
  return words.t(`decide.${fault.is}`, { field: fieldName(fault.field, words) ?? names.class(fault.field, words.language) });
}

function fieldName(field: string, words: Words): string | null {
  const key = `correct.${field}`;
  return isTextKey(key) ? words.t(key) : null;
}

const TAKEN_UP = "loadlens.draft";

/** A draft is of one person: who signs in next on the same machine does not go on with it. */
function draftName(load: string, who: string): string {
  return `loadlens.draft.${load}.${who}`;
}

function keptSteps(name: string): Steps | null {
  const kept = sessionStorage.getItem(name);
  if (kept === null) return null;
  const draft = JSON.parse(kept) as Draft;
  // One that an earlier console has kept may lack what this one knows.
  return { now: { ...begun(draft.decision, null), ...draft }, before: [] };
}

/** Take up again what a decision was made from, on the page of its load. */
export function takeUp(load: string, who: string, draft: string): void {
  sessionStorage.setItem(draftName(load, who), draft);
  dispatchEvent(new Event(TAKEN_UP));
}

/** A draft that outlives the page. */
export function useDraft(load: string, who: string): [Steps | null, (steps: Steps | null) => void] {
  const name = draftName(load, who);
  const [steps, setSteps] = useState<Steps | null>(null);
  useEffect(() => {
    const listen = (): void => setSteps(keptSteps(name));
    listen();
    addEventListener(TAKEN_UP, listen);
    return () => removeEventListener(TAKEN_UP, listen);
  }, [name]);
  const keep = (next: Steps | null): void => {
    setSteps(next);
    if (next) sessionStorage.setItem(name, JSON.stringify(next.now));
    else sessionStorage.removeItem(name);
  };
  return [steps, keep];
}
