// A decision while it is made: what is entered, step by step so that each can be undone, and what may be sent of it.
import type { Shape } from "./api.ts";
import type { Region } from "./draw.ts";
import { decimal, plain } from "./numbers.ts";

/** `second`: no decision, but a request that somebody else decides. */
export type Decision = "accept" | "correct" | "stop" | "second";
export const REASONS = [1, 2, 3, 4] as const;

export interface Item {
  what: string;
  kg: string;
}

/** What is corrected in one layer; contaminants are percent of its area as they were typed. */
export interface LayerDraft {
  regions: Region[];
  contaminants: Record<string, string>;
  grade: string | null;
}

export const NO_LAYER: LayerDraft = { regions: [], contaminants: {}, grade: null };

export interface Draft {
  decision: Decision;
  /** Which of the reasons that are offered; null where only words of their own are given. */
  reason: number | null;
  note: string;
  contaminants: Record<string, string>;
  items: Item[];
  residue: string;
  water: string;
  oil: string;
  packaging: string;
  other: string;
  otherReason: string;
  /** By the number of the layer. */
  layers: Record<number, LayerDraft>;
}

export type Fault =
  | { is: "needsReason" | "changed" | "needsOther" | "needsWhat" }
  | { is: "badNumber" | "badPercent" | "needsKg"; field: string };

const MASS = new RegExp(`^${decimal(9, 3)}$`);

/** A new draft. A correction begins with the one that it takes the place of, because it does so as a whole. */
export function begun(decision: Decision, before: Shape<"CorrectionShown"> | null): Draft {
  const filled = (text: string | undefined): string => (text === undefined || Number(text) === 0 ? "" : String(Number(text)));
  const kept = decision === "correct" ? before : null;
  return {
    decision,
    reason: null,
    note: "",
    contaminants: Object.fromEntries(Object.entries(kept?.contaminants_kg ?? {}).map(([id, kg]) => [id, String(Number(kg))])),
    items: (kept?.items ?? []).map((item) => ({ what: item["what"] ?? "", kg: String(Number(item["kg"])) })),
    residue: filled(kept?.residue_kg),
    water: filled(kept?.water_percent),
    oil: filled(kept?.oil_percent),
    packaging: filled(kept?.packaging_kg),
    other: filled(kept?.other_kg),
    otherReason: kept?.other_reason ?? "",
    layers: Object.fromEntries((kept?.layers ?? []).map((layer) => [layer.layer, layerBegun(layer)])),
  };
}

function layerBegun(kept: Shape<"LayerCorrectionShown">): LayerDraft {
  return {
    regions: kept.regions.map(({ class: label, points, radius }) => ({ class: label, points, radius })),
    contaminants: Object.fromEntries(Object.entries(kept.contaminants_percent).map(([id, percent]) => [id, String(Number(percent))])),
    grade: kept.grade,
  };
}

/** A number as it may be sent: nothing is 0. */
function sent(text: string): string {
  return plain(text) || "0";
}

const isMass = (text: string): boolean => text.trim() === "" || MASS.test(text.trim());
const isPercent = (text: string): boolean => isMass(text) && Number(sent(text)) <= 100;

/** What keeps the correction of a draft from being sent; null where nothing does. */
export function correctionFault(draft: Draft): Fault | null {
  if (draft.decision !== "correct") return null;
  const masses: [string, string][] = [
    ...Object.entries(draft.contaminants),
    ...draft.items.map((item): [string, string] => [item.what, item.kg]),
    ["residue", draft.residue],
    ["packaging", draft.packaging],
    ["other", draft.other],
  ];
  const badMass = masses.find(([, kg]) => !isMass(kg));
  if (badMass) return { is: "badNumber", field: badMass[0] };
  const ofLayers = Object.values(draft.layers).flatMap((layer) => Object.entries(layer.contaminants));
  for (const [field, percent] of [["water", draft.water], ["oil", draft.oil], ...ofLayers] as const) {
    if (!isPercent(percent)) return { is: "badPercent", field };
  }
  if (draft.items.some((item) => item.what.trim() === "" && item.kg.trim() !== "")) return { is: "needsWhat" };
  // Nothing would be sent as 0 kg: of what was picked out and not weighed nothing would be deducted.
  const unweighed = draft.items.find((item) => item.what.trim() !== "" && item.kg.trim() === "");
  if (unweighed) return { is: "needsKg", field: unweighed.what.trim() };
  if (Number(sent(draft.other)) > 0 && draft.otherReason.trim() === "") return { is: "needsOther" };
  return null;
}

/** What keeps a draft from being committed; null where nothing does. */
export function fault(draft: Draft): Fault | null {
  if (draft.reason === null && draft.note.trim() === "") return { is: "needsReason" };
  return correctionFault(draft);
}

/** Why, in one text; `offered` is the text of the reason that was chosen. */
export function because(draft: Draft, offered: string | null): string {
  return [offered, draft.note.trim()].filter(Boolean).join(": ");
}

/** The review as the service takes it. */
export function review(draft: Draft & { decision: Shape<"NewReview">["decision"] }, offered: string | null): Shape<"NewReview"> {
  const reason = because(draft, offered);
  if (draft.decision !== "correct") return { decision: draft.decision, reason, correction: null };
  const given = Object.entries(draft.contaminants).filter(([, kg]) => kg.trim() !== "");
  const correction = {
    contaminants_kg: Object.fromEntries(given.map(([id, kg]) => [id, sent(kg)])),
    items: draft.items.filter((item) => item.what.trim() !== "").map((item) => ({ what: item.what.trim(), kg: sent(item.kg) })),
    residue_kg: sent(draft.residue),
    water_percent: sent(draft.water),
    oil_percent: sent(draft.oil),
    packaging_kg: sent(draft.packaging),
    other_kg: sent(draft.other),
    other_reason: draft.otherReason.trim(),
    layers: Object.entries(draft.layers).flatMap(([layer, said]) => layerReview(Number(layer), said)),
  };
  return { decision: "correct", reason, correction };
}

/** What is sent of a layer; nothing where nothing is corrected in it. */
function layerReview(layer: number, said: LayerDraft): Shape<"LayerCorrection">[] {
  const given = Object.entries(said.contaminants).filter(([, percent]) => percent.trim() !== "");
  if (said.regions.length + given.length === 0 && said.grade === null) return [];
  return [{ layer, regions: said.regions, contaminants_percent: Object.fromEntries(given.map(([id, percent]) => [id, sent(percent)])), grade: said.grade }];
}

/** A draft and the steps that led to it. */
export interface Steps {
  now: Draft;
  before: Draft[];
}

const MOST_STEPS = 200;

/** One step further. Letters typed one after the other into one field are one step. */
export function stepped(steps: Steps, change: Partial<Draft>): Steps {
  const last = steps.before.at(-1);
  const fields = Object.keys(change) as (keyof Draft)[];
  const goesOn = last !== undefined && fields.length === 1 && onlyDiffersIn(last, steps.now, fields[0]!) && typeof change[fields[0]!] === "string";
  const before = goesOn ? steps.before : [...steps.before, steps.now].slice(-MOST_STEPS);
  return { now: { ...steps.now, ...change }, before };
}

function onlyDiffersIn(one: Draft, other: Draft, field: keyof Draft): boolean {
  return (Object.keys(one) as (keyof Draft)[]).every((name) => name === field || one[name] === other[name]);
}

/** One step back; null where there is none. */
export function undone(steps: Steps): Steps | null {
  const last = steps.before.at(-1);
  return last ? { now: last, before: steps.before.slice(0, -1) } : null;
}
