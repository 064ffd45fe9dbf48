// The standards: which hold, a copy that is edited, what it would change, and the moment from which it holds.
import { type FormEvent, useRef, useState } from "react";
import { place, read, type Shape } from "../api.ts";
import { useNames } from "../names.ts";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { follow, go } from "../route.ts";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";
import { useLoaded } from "../use-loaded.ts";
import { Changes } from "./changes.tsx";
import { Prices } from "./prices.tsx";

const SHORT = 12;

export function Standards({ edit }: { edit: string | null }) {
  const words = useWords();
  const mayChange = useMe()?.role === "manager";
  const inForce = useLoaded("standards", () => read("/v1/standards"));
  const kept = useLoaded("editions", () => read("/v1/standards/editions"));
  const failed = inForce.failed ?? kept.failed;
  const again = (): void => {
    inForce.again();
    kept.again();
  };
  const [newest] = kept.value?.editions ?? [];
  const fresh = kept.value?.activations.some((one) => one.sha256 === newest?.sha256) ? undefined : newest;
  const copy = (sha256: string): string => place("/settings/standards", {}, { edit: sha256 });
  return (
    <>
      {failed && <Failed why={failed} again={again} />}
      {edit && mayChange && <Editor key={edit} sha256={edit} standards={inForce.value?.standards ?? []} onSaved={again} />}
      <section className="card">
        <h2>{words.t("standards.inForce")}</h2>
        <Rows
          head={[words.t("standards.standard"), words.t("standards.version"), words.t("standards.file"), words.t("people.change")]}
          rows={(inForce.value?.standards ?? []).map((one) => ({
            key: one.id,
            cells: [
              <>
                <b>{one.id}</b> {one.id === inForce.value?.default && <em className="mark">{words.t("standards.default")}</em>}
                <small>
                  {one.edition} {one.title[words.language]}
                </small>
              </>,
              one.version,
              <code title={one.sha256}>{one.sha256.slice(0, SHORT)}</code>,
              mayChange && <a {...follow(copy(one.sha256))}>{words.t("standards.copy")}</a>,
            ],
          }))}
        />
      </section>
      {mayChange && kept.value && (
        <Activate fresh={fresh} standards={inForce.value?.standards ?? []} editions={kept.value.editions} onDone={again} />
      )}
      <Editions kept={kept.value} link={mayChange ? copy : null} />
    </>
  );
}

function Editions({ kept, link }: { kept: Shape<"EditionList"> | null; link: ((sha256: string) => string) | null }) {
  const words = useWords();
  const by = (one: { actor: string; at: string }): string => words.t("load.by", { who: plainName(one.actor), at: words.moment(one.at) });
  const edition = (sha256: string | null): string => {
    const found = kept?.editions.find((one) => one.sha256 === sha256);
    return found ? words.t("standards.edition", { version: found.version, file: found.sha256.slice(0, SHORT) }) : words.t("standards.asGiven");
  };
  return (
    <section className="card">
      <h2>{words.t("standards.own")}</h2>
      {kept?.editions.length === 0 && <p>{words.t("standards.noOwn")}</p>}
      <ul className="history">
        {kept?.editions.map((one) => (
          <li key={one.sha256}>
            <b>{one.standard}</b> {edition(one.sha256)} {link && <a {...follow(link(one.sha256))}>{words.t("standards.copy")}</a>}
            <small>{by(one)}</small>
          </li>
        ))}
      </ul>
      <h2>{words.t("standards.activations")}</h2>
      {kept?.activations.length === 0 && <p>{words.t("standards.noActivations")}</p>}
      <ul className="history">
        {kept?.activations.map((one) => (
          <li key={one.id}>
            <b>{words.t("standards.since", { at: words.moment(one.since) })}</b> {one.standard}, {edition(one.sha256)}
            {one.is_default && <> {words.t("standards.alsoDefault")}</>} <q>{one.reason}</q>
            <small>{by(one)}</small>
          </li>
        ))}
      </ul>
    </section>
  );
}

interface EditorShown {
  sha256: string;
  standards: Shape<"StandardShown">[];
  onSaved: () => void;
}

/** The file, with its faults by line. What is written stays in the browser until it is saved or given up. */
function Editor({ sha256, standards, onSaved }: EditorShown) {
  const words = useWords();
  const { value, failed, again } = useLoaded(`file ${sha256}`, () => read("/v1/standards/files/{sha256}", { sha256 }));
  const shelf = `loadlens.standard.${sha256}`;
  const [text, setText] = useState<string | null>(localStorage.getItem(shelf));
  const [checked, setChecked] = useState<{ of: string; found: Shape<"StandardCheck"> } | null>(null);
  const [saved, setSaved] = useState<Shape<"EditionShown"> | null>(null);
  const area = useRef<HTMLTextAreaElement>(null);
  const { busy, problem, send } = useDoing();
  const written = text ?? value?.text ?? "";
  const write = (next: string): void => {
    localStorage.setItem(shelf, next);
    setText(next);
  };
  const check = async (of: string): Promise<Shape<"StandardCheck"> | null> => {
    const found = await send<Shape<"StandardCheck">>("POST", "/v1/standards/check", { text: of });
    if (found) setChecked({ of, found });
    return found;
  };
  const save = async (): Promise<void> => {
    const found = await check(written);
    if (!found || found.faults.length) return;
    const edition = await send<Shape<"EditionShown">>("POST", "/v1/standards", { text: written });
    if (!edition) return;
    localStorage.removeItem(shelf);
    setSaved(edition);
    onSaved();
  };
  const leave = (): void => {
    localStorage.removeItem(shelf);
    go("/settings/standards");
  };
  const jump = (line: number): void => {
    const lines = written.split("\n");
    const begin = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
    area.current?.focus();
    area.current?.setSelectionRange(begin, begin + (lines[line - 1]?.length ?? 0));
    area.current?.scrollTo({ top: ((line - 4) / lines.length) * area.current.scrollHeight });
  };
  const current = checked?.of === written ? checked.found : null;
  return (
    <section className="card editor">
      <h2>{words.t("standards.edit")}</h2>
      <p className="hint">{words.t("standards.editHow")}</p>
      {failed && <Failed why={failed} again={again} />}
      <textarea
        ref={area}
        aria-label={words.t("standards.edit")}
        spellCheck={false}
        rows={24}
        value={written}
        onChange={(event) => write(event.target.value)}
      />
      <p className="choices">
        <button type="button" disabled={busy} onClick={() => void check(written)}>
          {words.t("standards.check")}
        </button>
        <button type="button" className="main" disabled={busy} onClick={() => void save()}>
          {words.t("settings.save")}
        </button>
        <button type="button" onClick={leave}>
          {words.t("standards.leave")}
        </button>
      </p>
      <p className="problem" role="alert">
        {problem}
      </p>
      <div role="status">
        {saved && <p>{words.t("standards.saved", { standard: saved.standard, version: saved.version })}</p>}
        {current?.file && (
          <p className="good">{words.t("standards.noFault", { standard: current.file.id, version: current.file.version })}</p>
        )}
        {current && current.faults.length > 0 && <p className="problem">{words.t("standards.faults", { n: current.faults.length })}</p>}
      </div>
      <ol className="faults">
        {current?.faults.map((fault) => (
          <li key={`${fault.line} ${fault.where} ${fault.problem}`}>
            <button type="button" onClick={() => jump(fault.line)}>
              {words.t("standards.line", { n: fault.line })}
            </button>{" "}
            <code>{fault.where}</code> {fault.problem}. {fault.remedy}
          </li>
        ))}
      </ol>
      {current?.file && <Prices key={current.file.sha256} file={current.file} text={written} onText={write} />}
      {current?.file && <Changes key={`changes ${current.file.sha256}`} text={written} standards={standards} />}
    </section>
  );
}

interface ActivateShown {
  /** The newest edition while nobody has activated it: the one that is meant. Any other is to be chosen. */
  fresh: Shape<"EditionShown"> | undefined;
  standards: Shape<"StandardShown">[];
  editions: Shape<"EditionShown">[];
  onDone: () => void;
}

/** Which standard holds from when on. Old loads keep theirs, whatever is chosen here. */
function Activate({ fresh, standards, editions, onDone }: ActivateShown) {
  const words = useWords();
  const names = useNames();
  const [chosen, setChosen] = useState<string | null>(null);
  const edition = chosen ?? (fresh ? `${fresh.standard} ${fresh.sha256}` : "");
  const { busy, problem, send } = useDoing();
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const [standard, sha256] = edition.split(" ");
    const since = String(given.get("since"));
    const done = await send("POST", "/v1/standards/activations", {
      standard,
      sha256: sha256 || null,
      since: since ? new Date(since).toISOString() : null,
      is_default: given.get("default") !== null,
      reason: String(given.get("reason")),
    });
    if (!done) return;
    form.reset();
    setChosen(null);
    onDone();
  };
  const own = new Set(editions.map((one) => one.standard));
  return (
    <form className="card row-form" onSubmit={(event) => void submit(event)}>
      <h2>{words.t("standards.activate")}</h2>
      <label>
        {words.t("standards.standard")}
        <select name="edition" required value={edition} onChange={(event) => setChosen(event.target.value)}>
          <option value="">{words.t("standards.choose")}</option>
          {editions.map((one) => (
            <option key={one.sha256} value={`${one.standard} ${one.sha256}`}>
              {`${one.standard} ${words.t("standards.edition", { version: one.version, file: one.sha256.slice(0, SHORT) })}`}
            </option>
          ))}
          {standards
            .filter((one) => !own.has(one.id))
            .map((one) => (
              <option key={one.id} value={one.id}>
                {`${one.id} ${names.standard(one.id, words.language)}`}
              </option>
            ))}
        </select>
      </label>
      <label>
        {words.t("standards.from")}
        <input type="datetime-local" name="since" aria-describedby="empty-is-now" />
      </label>
      <label>
        {words.t("standards.why")}
        <input name="reason" required maxLength={1000} />
      </label>
      <p id="empty-is-now" className="hint">
        {words.t("standards.emptyIsNow")}
      </p>
      <label className="tick">
        <input type="checkbox" name="default" />
        {words.t("standards.makeDefault")}
      </label>
      <button className="main" disabled={busy}>
        {words.t("settings.activate")}
      </button>
      <p className="problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
