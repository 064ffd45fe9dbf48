import type { Shape } from "../api.ts";
import type { Draft } from "../draft.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { amount } from "./deduction.tsx";
import { openLayerCorrection } from "./layer-correction.tsx";

interface Form {
  draft: Draft;
  report: Shape<"Report">;
  onChange: (change: Partial<Draft>) => void;
}

// Of what was seen less of, a part of the mass, there is no field until somebody adds one: 1 kg in 10 t.
const LEAST_SEEN = 0.0001;

/** What a person has measured or judged. */
export function CorrectionForm({ draft, report, onChange }: Form) {
  const words = useWords();
  return (
    <div className="correction">
      <button type="button" onClick={openLayerCorrection}>
        {words.t("correct.onPicture")}
      </button>
      <ContaminantFields draft={draft} report={report} onChange={onChange} />
      <ItemFields draft={draft} onChange={onChange} />
      <div className="fields">
        <NumberField text={words.t("correct.residue")} value={draft.residue} onChange={(residue) => onChange({ residue })} />
        <NumberField text={words.t("correct.water")} value={draft.water} onChange={(water) => onChange({ water })} />
        <NumberField text={words.t("correct.oil")} value={draft.oil} onChange={(oil) => onChange({ oil })} />
        <NumberField text={words.t("correct.packaging")} value={draft.packaging} onChange={(packaging) => onChange({ packaging })} />
        <NumberField text={words.t("correct.other")} value={draft.other} onChange={(other) => onChange({ other })} />
        <label>
          {words.t("correct.otherReason")}
          <input value={draft.otherReason} maxLength={2000} onChange={(event) => onChange({ otherReason: event.target.value })} />
        </label>
      </div>
    </div>
  );
}

function NumberField({ text, value, hint, onChange }: { text: string; value: string; hint?: string; onChange: (value: string) => void }) {
  return (
    <label>
      {text}
      <input inputMode="decimal" value={value} autoComplete="off" onChange={(event) => onChange(event.target.value)} />
      {hint && <small>{hint}</small>}
    </label>
  );
}

function ContaminantFields({ draft, report, onChange }: Form) {
  const words = useWords();
  const names = useNames();
  const seen = report.truck.contaminants;
  const found = Object.keys(seen).filter((id) => seen[id]!.mass >= LEAST_SEEN).sort((one, other) => seen[other]!.mass - seen[one]!.mass);
  const shown = [...new Set([...found, ...Object.keys(draft.contaminants)])];
  const more = names.classes.filter((one) => one.kind === "contaminant" && !shown.includes(one.id));
  const set = (id: string, kg: string): void => onChange({ contaminants: { ...draft.contaminants, [id]: kg } });
  return (
    <fieldset>
      <legend>{words.t("correct.contaminants")}</legend>
      <div className="fields">
        {shown.map((id) => {
          const part = seen[id];
          return (
            <NumberField
              key={id}
              text={names.class(id, words.language)}
              value={draft.contaminants[id] ?? ""}
              hint={part ? words.t("correct.seen", { amount: amount(part.kg, 100 * part.mass, words) }) : ""}
              onChange={(kg) => set(id, kg)}
            />
          );
        })}
        {more.length > 0 && (
          <label>
            {words.t("correct.addContaminant")}
            <select value="" onChange={(event) => set(event.target.value, "")}>
              <option value="" />
              {more.map((one) => (
                <option key={one.id} value={one.id}>
                  {one.name[words.language]}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
    </fieldset>
  );
}

function ItemFields({ draft, onChange }: Omit<Form, "report">) {
  const words = useWords();
  const set = (at: number, change: { what?: string; kg?: string }): void =>
    onChange({ items: draft.items.map((item, index) => (index === at ? { ...item, ...change } : item)) });
  return (
    <fieldset>
      <legend>{words.t("correct.items")}</legend>
      {draft.items.map((item, at) => (
        <div className="item" key={at}>
          <label>
            {words.t("correct.what")}
            <input value={item.what} maxLength={200} onChange={(event) => set(at, { what: event.target.value })} />
          </label>
          <NumberField text={words.t("correct.kg")} value={item.kg} onChange={(kg) => set(at, { kg })} />
          <button type="button" aria-label={words.t("correct.removeItem", { what: item.what })} onClick={() => onChange({ items: draft.items.filter((_, index) => index !== at) })}>
            <svg viewBox="0 0 10 10" aria-hidden="true">
              <path d="M2 2l6 6M8 2l-6 6" stroke="currentColor" strokeWidth="1.4" />
            </svg>
          </button>
        </div>
      ))}
      <button type="button" onClick={() => onChange({ items: [...draft.items, { what: "", kg: "" }] })}>
        {words.t("correct.addItem")}
      </button>
    </fieldset>
  );
}
