// What is corrected in the layer that is shown: regions drawn on its frame, its contaminants, its grade.
import { useEffect, useState } from "react";
import type { Shape } from "../api.ts";
import { type Draft, type LayerDraft, NO_LAYER } from "../draft.ts";
import { drawn, type Point, type Region, svgPoints, type Tool, TOOLS } from "../draw.ts";
import { useNames } from "../names.ts";
import { layerNumber } from "../numbers.ts";
import { useWords } from "../show.ts";
import { useKeys } from "../use-keys.ts";
import type { Pen } from "./frame-view.tsx";
import type { Layer } from "./mixes.tsx";

const UNKNOWN = "unknown";
const NOT_NAMED = "#9aa3ab";
const RADIUS = { least: 0.005, most: 0.1, step: 0.005, first: 0.025 };

interface Drawing {
  tool: Tool;
  label: string;
  radius: number;
  points: Point[];
}

/** Drawing on the layer that is shown; `pen` and `marks` are for its frame. */
export interface Drawn {
  said: LayerDraft;
  drawing: Drawing;
  pen: Pen | null;
  set: (change: Partial<Drawing>) => void;
  say: (change: Partial<LayerDraft>) => void;
  close: () => void;
}

export function useDrawing(layer: number, draft: Draft | null, onChange: (change: Partial<Draft>) => void): Drawn | null {
  const [drawing, setDrawing] = useState<Drawing>({ tool: "move", label: "", radius: RADIUS.first, points: [] });
  const isOn = draft?.decision === "correct";
  // An area that is not closed is of the layer it was begun on: closed on another, it would mark what was never looked at.
  useEffect(() => setDrawing((now) => ({ ...now, points: [] })), [layer, isOn]);
  const said = draft?.layers[layer] ?? NO_LAYER;
  const set = (change: Partial<Drawing>): void => setDrawing((now) => ({ ...now, ...change }));
  const say = (change: Partial<LayerDraft>): void => onChange({ layers: { ...draft?.layers, [layer]: { ...said, ...change } } });
  const keep = (points: Point[], radius: number | null): void => {
    say({ regions: [...said.regions, { class: drawing.label, points, radius }] });
    set({ points: [] });
  };
  const close = (): void => void (drawing.tool === "polygon" && drawing.points.length >= 3 && keep(drawing.points, null));
  const choose = (tool: Tool): void => set({ tool, points: [] });
  useKeys("decision", { polygon: () => choose("polygon"), brush: () => choose("brush"), move: () => choose("move"), closeRegion: close }, isOn);
  if (!isOn) return null;
  const add = (at: Point): void => set({ points: drawn(drawing.points, at) });
  const pens: Record<Tool, Pen | null> = {
    move: null,
    polygon: { onPress: add, onDrag: () => undefined, onRelease: () => undefined, onCancel: () => set({ points: drawing.points.slice(0, -1) }) },
    brush: {
      onPress: add,
      // A finger that is left over from moving the picture draws nothing.
      onDrag: (at) => drawing.points.length > 0 && add(at),
      onRelease: () => drawing.points.length > 0 && keep(drawing.points, drawing.radius),
      onCancel: () => set({ points: [] }),
    },
  };
  return { said, drawing, pen: drawing.label === "" ? null : pens[drawing.tool], set, say, close };
}

/** The regions of a layer as SVG that is `ratio` wide and 1 high. */
export function Regions({ drawn: { said, drawing }, ratio }: { drawn: Drawn; ratio: number }) {
  const names = useNames();
  const colour = (id: string): string => (id === UNKNOWN ? NOT_NAMED : names.colour(id));
  const isBrush = drawing.tool === "brush";
  const now: Region = { class: drawing.label, points: drawing.points, radius: isBrush ? drawing.radius : null };
  return (
    <>
      {[...said.regions, ...(drawing.points.length ? [now] : [])].map((region, at) => {
        const points = svgPoints(region.points, ratio, 1);
        if (region.radius === null) {
          const isOpen = at === said.regions.length;
          return <polygon key={at} points={points} fill={colour(region.class)} stroke={colour(region.class)} className={isOpen ? "open" : ""} />;
        }
        // A line of one point has no length, and then nothing is drawn of it.
        const line = region.points.length > 1 ? points : `${points} ${points}`;
        return <polyline key={at} points={line} fill="none" stroke={colour(region.class)} strokeWidth={2 * region.radius * ratio} className="brush" />;
      })}
    </>
  );
}

/** Where a page has one column, this lies between the picture and what else is entered: it opens when it is wanted. */
const isNarrow = (): boolean => matchMedia("(max-width: 60rem)").matches;

/** Open what is corrected on the picture, which on a phone lies above, out of sight. */
export function openLayerCorrection(): void {
  document.querySelector<HTMLDetailsElement>("details.layer-correction")!.open = true;
  document.querySelector(".frame")?.scrollIntoView();
  document.querySelector<HTMLElement>(".layer-correction select")?.focus({ preventScroll: true });
}

export function LayerCorrection({ drawn, layer, standard }: { drawn: Drawn; layer: Layer; standard: string }) {
  const words = useWords();
  const names = useNames();
  const [isOpen] = useState(() => !isNarrow());
  const { said, drawing, set, say, close } = drawn;
  const seen = layer.corrected?.seen.contaminants ?? Object.fromEntries(Object.entries(layer.contaminants).map(([id, { area }]) => [id, area]));
  return (
    <details className="layer-correction" open={isOpen}>
      <summary>{words.t("layer.title", { n: layerNumber(layer.index) })}</summary>
      <p className="hint">{words.t(drawing.label === "" ? "layer.chooseClass" : `layer.how.${drawing.tool}`)}</p>
      <div className="fields">
        <label>
          {words.t("layer.class")}
          <select value={drawing.label} onChange={(event) => set({ label: event.target.value, tool: drawing.tool === "move" ? "polygon" : drawing.tool, points: [] })}>
            <option value="" />
            {(["form", "contaminant"] as const).map((kind) => (
              <optgroup key={kind} label={words.t(`layer.kind.${kind}`)}>
                {names.classes.filter((one) => one.kind === kind).map((one) => (
                  <option key={one.id} value={one.id}>
                    {one.name[words.language]}
                  </option>
                ))}
              </optgroup>
            ))}
            <option value={UNKNOWN}>{words.t("load.unknown")}</option>
          </select>
        </label>
        {drawing.tool === "brush" && (
          <label>
            {words.t("layer.radius")}
            <input type="range" min={RADIUS.least} max={RADIUS.most} step={RADIUS.step} value={drawing.radius} onChange={(event) => set({ radius: Number(event.target.value) })} />
          </label>
        )}
      </div>
      <div className="tools">
        {TOOLS.map((tool) => (
          <button type="button" key={tool} aria-pressed={drawing.tool === tool} onClick={() => set({ tool, points: [] })}>
            {words.t(`layer.tool.${tool}`)}
          </button>
        ))}
        {drawing.tool === "polygon" && drawing.points.length > 0 && (
          <>
            <button type="button" className="main" disabled={drawing.points.length < 3} onClick={close}>
              {words.t("layer.close")}
            </button>
            <button type="button" onClick={() => set({ points: drawing.points.slice(0, -1) })}>
              {words.t("layer.lastPoint")}
            </button>
          </>
        )}
      </div>
      <ol className="regions">
        {said.regions.map((region, at) => {
          const name = region.class === UNKNOWN ? words.t("load.unknown") : names.class(region.class, words.language);
          return (
            <li key={at}>
              {words.t("layer.region", { n: at + 1, what: name })}
              <button type="button" className="quiet" onClick={() => say({ regions: said.regions.filter((_, other) => other !== at) })}>
                {words.t("layer.remove")}
              </button>
            </li>
          );
        })}
      </ol>
      <div className="fields">
        <label>
          {words.t("layer.grade")}
          <select value={said.grade ?? ""} onChange={(event) => say({ grade: event.target.value || null })}>
            <option value="">{words.t("layer.asSeen")}</option>
            {names.grades(standard).map((grade) => (
              <option key={grade.code} value={grade.code}>
                {names.grade(standard, grade.code, words.language)}
              </option>
            ))}
          </select>
        </label>
        <ContaminantShares said={said} seen={seen} say={say} />
      </div>
    </details>
  );
}

function ContaminantShares({ said, seen, say }: { said: LayerDraft; seen: Record<string, number>; say: Drawn["say"] }) {
  const words = useWords();
  const names = useNames();
  const set = (id: string, percent: string): void => say({ contaminants: { ...said.contaminants, [id]: percent } });
  // Those that were seen at all, and those that somebody adds.
  const shown = [...new Set([...Object.keys(seen).filter((id) => seen[id]! >= 0.0005).sort((one, other) => seen[other]! - seen[one]!), ...Object.keys(said.contaminants)])];
  const more: Shape<"ClassShown">[] = names.classes.filter((one) => one.kind === "contaminant" && !shown.includes(one.id));
  return (
    <>
      {shown.map((id) => (
        <label key={id}>
          {words.t("layer.share", { what: names.class(id, words.language) })}
          <input inputMode="decimal" autoComplete="off" value={said.contaminants[id] ?? ""} onChange={(event) => set(id, event.target.value)} />
          <small>{words.t("correct.seen", { amount: words.percent(seen[id] ?? 0, 2) })}</small>
        </label>
      ))}
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
    </>
  );
}
