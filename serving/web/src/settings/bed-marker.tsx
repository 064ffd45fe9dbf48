// Where the truck's bed lies in the frames of a camera: four corners on its last frame, and the size of the bed.
import { type FormEvent, type KeyboardEvent, type PointerEvent, useEffect, useRef, useState } from "react";
import { ask, place, Problem, read, type Shape } from "../api.ts";
import { Failed } from "../parts/failed.tsx";
import { follow } from "../route.ts";
import { plainName } from "../session.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";
import { useLoaded } from "../use-loaded.ts";

type Corner = [number, number];
interface Size {
  width: number;
  height: number;
}

// Where the corners begin that nobody has marked, as shares of the picture.
const FIRST: Corner[] = [
  [0.2, 0.25],
  [0.8, 0.25],
  [0.8, 0.75],
  [0.2, 0.75],
];
const STEPS: Record<string, Corner> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const LONG_STEP = 10;
// A corner is no smaller than this on a small screen, so that a finger finds it.
const FINGER_PX = 14;

export function BedMarker({ lane, camera, mayChange }: { lane: string; camera: string; mayChange: boolean }) {
  const words = useWords();
  const at = place("/v1/lanes/{lane}/cameras/{camera}/bed", { lane, camera });
  const { value, failed, again } = useLoaded(at, () => read("/v1/lanes/{lane}/cameras/{camera}/bed", { lane, camera }));
  const [size, setSize] = useState<Size | null>(null);
  const [missing, setMissing] = useState(false);
  const bed = value?.bed ?? null;
  const otherSize = bed !== null && size !== null && (bed.width !== size.width || bed.height !== size.height);
  return (
    <section className="card">
      <a {...follow("/settings/lanes")}>{words.t("beds.back")}</a>
      <h2>{words.t("beds.title", { lane, camera })}</h2>
      <p className="hint">{words.t("beds.how")}</p>
      {failed && <Failed why={failed} again={again} />}
      {missing && <p className="empty">{words.t("beds.noFrame")}</p>}
      {bed && (
        <p>
          {words.t("beds.marked", { scale: words.number(bed.mm_per_px, 2) })}{" "}
          <small>{words.t("load.by", { who: plainName(bed.actor), at: words.moment(bed.at) })}</small>
        </p>
      )}
      {value && !bed && <p>{words.t("beds.unmarked")}</p>}
      {otherSize && <p className="problem">{words.t("beds.otherSize", { was: `${bed.width} × ${bed.height}`, now: `${size.width} × ${size.height}` })}</p>}
      <div className="marker" hidden={missing}>
        <img
          src={place("/v1/lanes/{lane}/cameras/{camera}/frame", { lane, camera })}
          alt={words.t("live.frame", { camera })}
          onLoad={(event) => setSize({ width: event.currentTarget.naturalWidth, height: event.currentTarget.naturalHeight })}
          onError={() => setMissing(true)}
        />
        {size && value && <Marking key={bed?.at} at={at} size={size} bed={otherSize ? null : bed} mayChange={mayChange} onSaved={again} />}
      </div>
    </section>
  );
}

interface MarkingShown {
  at: string;
  size: Size;
  bed: Shape<"BedShown"> | null;
  mayChange: boolean;
  onSaved: () => void;
}

function Marking({ at, size, bed, mayChange, onSaved }: MarkingShown) {
  const words = useWords();
  const first = FIRST.map(([x, y]): Corner => [Math.round(x * size.width), Math.round(y * size.height)]);
  const [corners, setCorners] = useState<Corner[]>(bed ? (bed.corners as Corner[]) : first);
  const [length, setLength] = useState(String(bed?.length_mm ?? ""));
  const [width, setWidth] = useState(String(bed?.width_mm ?? ""));
  const { busy, problem, send } = useDoing();
  const asked = { corners, length_mm: Number(length), width_mm: Number(width), ...size };
  const [scale, wrong] = useScale(asked);
  const move = (index: number, [x, y]: Corner): void => {
    const kept: Corner = [Math.round(Math.min(Math.max(x, 0), size.width)), Math.round(Math.min(Math.max(y, 0), size.height))];
    setCorners((before) => before.map((corner, one) => (one === index ? kept : corner)));
  };
  const save = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (await send("PUT", at, asked)) onSaved();
  };
  const middle = (one: number, other: number): Corner => [(corners[one]![0] + corners[other]![0]) / 2, (corners[one]![1] + corners[other]![1]) / 2];
  return (
    <>
      <svg viewBox={`0 0 ${size.width} ${size.height}`} role="group" aria-label={words.t("beds.corners")}>
        <polygon points={corners.map((corner) => corner.join(",")).join(" ")} />
        {(["length", "width"] as const).map((side, one) => {
          const [x, y] = middle(one, one + 1);
          return (
            <text key={side} x={x} y={y} fontSize={size.height / 30}>
              {words.t(`beds.${side}`)}
            </text>
          );
        })}
        {mayChange &&
          corners.map((corner, index) => (
            <Handle key={index} n={index + 1} corner={corner} size={size} onMove={(to) => move(index, to)} />
          ))}
      </svg>
      <form className="row-form" onSubmit={(event) => void save(event)}>
        <label>
          {words.t("beds.lengthMm")}
          <input inputMode="numeric" pattern="\d{3,6}" required disabled={!mayChange} value={length} onChange={(event) => setLength(event.target.value)} />
        </label>
        <label>
          {words.t("beds.widthMm")}
          <input inputMode="numeric" pattern="\d{3,6}" required disabled={!mayChange} value={width} onChange={(event) => setWidth(event.target.value)} />
        </label>
        {mayChange && (
          <button className="main" disabled={busy || scale === null}>
            {words.t("settings.save")}
          </button>
        )}
        <p role="status" className="tick">
          {scale &&
            words.t("beds.scale", {
              mean: words.number(scale.mm_per_px, 2),
              low: words.number(scale.mm_low, 2),
              high: words.number(scale.mm_high, 2),
            })}
        </p>
        <p className="problem" role="alert">
          {problem || wrong}
        </p>
      </form>
    </>
  );
}

interface HandleShown {
  n: number;
  corner: Corner;
  size: Size;
  onMove: (to: Corner) => void;
}

/** A corner that is dragged, or moved by the arrow keys (with Shift in longer steps). */
function Handle({ n, corner: [x, y], size, onMove }: HandleShown) {
  const words = useWords();
  const circle = useRef<SVGCircleElement>(null);
  const drag = (event: PointerEvent<SVGCircleElement>): void => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const box = circle.current!.ownerSVGElement!.getBoundingClientRect();
    onMove([((event.clientX - box.left) / box.width) * size.width, ((event.clientY - box.top) / box.height) * size.height]);
  };
  const step = (event: KeyboardEvent): void => {
    const by = STEPS[event.key];
    if (!by) return;
    event.preventDefault();
    const far = event.shiftKey ? LONG_STEP : 1;
    onMove([x + by[0] * far, y + by[1] * far]);
  };
  return (
    <circle
      ref={circle}
      cx={x}
      cy={y}
      r={Math.max(size.height / 45, (FINGER_PX * size.width) / innerWidth)}
      tabIndex={0}
      role="button"
      aria-label={words.t("beds.corner", { n, x, y })}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={drag}
      onKeyDown={step}
    />
  );
}

const PAUSE_MS = 250;

/** The scale that corners give, as the service computes it a moment after they rest; or why they give none. */
function useScale(asked: object): [Shape<"BedScale"> | null, string] {
  const [found, setFound] = useState<[Shape<"BedScale"> | null, string]>([null, ""]);
  const text = JSON.stringify(asked);
  useEffect(() => {
    const given = JSON.parse(text) as { length_mm: number; width_mm: number };
    setFound([null, ""]);
    if (!given.length_mm || !given.width_mm) return;
    let stale = false;
    const compute = async (): Promise<void> => {
      try {
        const answer = (await (await ask("POST", "/v1/bed-scale", given)).json()) as Shape<"BedScale">;
        if (!stale) setFound([answer, ""]);
      } catch (error) {
        if (!stale) setFound([null, error instanceof Problem ? error.message : ""]);
      }
    };
    const timer = setTimeout(() => void compute(), PAUSE_MS);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [text]);
  return found;
}
