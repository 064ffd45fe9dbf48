// The key frame of a layer with what was seen laid over it. The overlay has a legend below its picture, which the window
// cuts off: the lists beside it say the same in the reader's language.
import { type PointerEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { place } from "../api.ts";
import { onFrame, type Point } from "../draw.ts";
import { layerNumber } from "../numbers.ts";
import { useWords } from "../show.ts";
import { useKeys } from "../use-keys.ts";
import { moved, type Size, type View, WHOLE, zoomed } from "../zoom.ts";
import { useViews } from "./cameras.tsx";
import { Told } from "./told.tsx";

/** What is shown of a layer; without an overlay where what was seen is not to be known yet. */
interface Shown {
  index: number;
  overlay?: string | null;
}

/** What a person draws on the frame; pointers draw instead of moving the picture. */
export interface Pen {
  onPress: (at: Point) => void;
  onDrag: (at: Point) => void;
  onRelease: () => void;
  /** A second finger came down: what the first one began was no drawing. */
  onCancel: () => void;
}

interface Frame {
  load: string;
  version: number;
  layer: Shown;
  pen?: Pen | null;
  /** What lies on the frame besides what was seen: SVG that is `ratio` wide and 1 high. */
  marks?: (ratio: number) => ReactNode;
}

const STEP = 1.4;
const WHEEL = 0.0015;
const PAN_PX = 60;
const OPACITY_STEP = 0.2;
const HALF = 50;
// All of the picture can be seen at once, also where letters are twice as large.
const TALLEST = "82vh";

export function FrameView({ load, version, layer, pen = null, marks }: Frame) {
  const words = useWords();
  const box = useRef<HTMLDivElement>(null);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const [view, setView] = useState<View>(WHOLE);
  const [ratio, setRatio] = useState(16 / 9);
  const [overlay, setOverlay] = useState(true);
  const [opacity, setOpacity] = useState(1);
  const [gone, setGone] = useState(false);
  const [before, setBefore] = useState<number | null>(null);
  const [under, setUnder] = useState<Point | null>(null);
  const { views, camera, choose } = useViews(load, version, layer.index);
  const isKey = camera === null;
  const mayTell = layer.overlay !== undefined && isKey;
  useEffect(() => {
    setView(WHOLE);
    setUnder(null);
  }, [layer.index]);
  useEffect(() => setGone(false), [layer.index, camera]);

  const size = (): Size => ({ width: box.current?.clientWidth ?? 1, height: box.current?.clientHeight ?? 1 });
  const zoom = (by: number, x?: number, y?: number): void => setView((now) => zoomed(now, size(), by, x, y));
  const pan = (x: number, y: number): void => setView((now) => moved(now, size(), x, y));
  const fade = (by: number): void => setOpacity((now) => Math.min(1, Math.max(0, now + by)));
  const toggleBefore = (): void => setBefore((now) => (now === null ? HALF : null));
  const frameAt = (event: PointerEvent<HTMLDivElement>): Point => {
    const at = event.currentTarget.getBoundingClientRect();
    const { width, height } = size();
    return onFrame((event.clientX - at.left - view.x) / view.scale / width, (event.clientY - at.top - view.y) / view.scale / height);
  };

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    // React listens to wheels passively, and then the page would scroll too.
    const turn = (event: WheelEvent): void => {
      event.preventDefault();
      const at = element.getBoundingClientRect();
      zoom(Math.exp(-WHEEL * event.deltaY), event.clientX - at.left, event.clientY - at.top);
    };
    element.addEventListener("wheel", turn, { passive: false });
    return () => element.removeEventListener("wheel", turn);
  }, [gone]);

  useKeys("load", {
    zoomIn: () => zoom(STEP),
    zoomOut: () => zoom(1 / STEP),
    whole: () => setView(WHOLE),
    panLeft: () => pan(-PAN_PX, 0),
    panRight: () => pan(PAN_PX, 0),
    panUp: () => pan(0, -PAN_PX),
    panDown: () => pan(0, PAN_PX),
    overlay: () => setOverlay((now) => !now),
    fainter: () => fade(-OPACITY_STEP),
    stronger: () => fade(OPACITY_STEP),
    before: toggleBefore,
    camera: () => choose(views[(views.findIndex((one) => (one.is_key ? null : one.camera) === camera) + 1) % views.length]),
  });

  const press = (event: PointerEvent<HTMLDivElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (pen && isKey && pointers.current.size === 1) return pen.onPress(frameAt(event));
    if (pen && isKey && pointers.current.size === 2) pen.onCancel();
    setUnder(frameAt(event));
  };
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    const from = pointers.current.get(event.pointerId);
    if (!from) return setUnder(frameAt(event));
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    if (!other && pen && isKey) return pen.onDrag(frameAt(event));
    if (!other) return pan(now.x - from.x, now.y - from.y);
    const at = event.currentTarget.getBoundingClientRect();
    const apart = (one: { x: number; y: number }): number => Math.hypot(one.x - other.x, one.y - other.y);
    zoom(apart(now) / Math.max(1, apart(from)), (now.x + other.x) / 2 - at.left, (now.y + other.y) / 2 - at.top);
  };
  const release = (event: PointerEvent<HTMLDivElement>): void => {
    if (pointers.current.delete(event.pointerId)) pen?.onRelease();
  };

  if (gone) {
    return (
      <p className="frame bar">
        {words.t("load.noPicture")}{" "}
        <button type="button" onClick={() => setGone(false)}>
          {words.t("net.retry")}
        </button>
      </p>
    );
  }
  const of = { load, index: layer.index };
  const frame = (query: Record<string, string | number | null>): string => place("/v1/loads/{load}/layers/{index}/frame", of, { version, ...query });
  return (
    <div className="frame">
      <div
        ref={box}
        className={pen && isKey ? "window drawing" : "window"}
        role="group"
        aria-label={words.t("load.view")}
        style={{ aspectRatio: ratio, maxWidth: `calc(${TALLEST} * ${ratio})` }}
        onPointerDown={press}
        onPointerMove={drag}
        onPointerUp={release}
        onPointerCancel={release}
        onPointerLeave={() => setUnder(null)}
      >
        <div className="picture" style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}>
          <img
            src={frame({ camera })}
            alt={words.t("load.frame", { n: layerNumber(layer.index) })}
            draggable={false}
            onLoad={({ currentTarget: shown }) => setRatio(shown.naturalWidth / shown.naturalHeight)}
            onError={() => setGone(true)}
          />
          {isKey && layer.overlay && overlay && <img className="overlay" src={layer.overlay} alt="" draggable={false} style={{ opacity }} />}
          {isKey && marks && (
            <svg className="marks" viewBox={`0 0 ${ratio} 1`} aria-hidden="true">
              {marks(ratio)}
            </svg>
          )}
          {before !== null && (
            <img className="before" src={frame({ camera, moment: "before" })} alt={words.t("load.before")} draggable={false} style={{ clipPath: `inset(0 ${100 - before}% 0 0)` }} />
          )}
        </div>
        {mayTell && under && <Told load={load} version={version} layer={layer.index} at={under} />}
      </div>
      <div className="tools">
        <button type="button" aria-pressed={overlay} onClick={() => setOverlay(!overlay)}>
          {words.t("load.overlay")}
        </button>
        <label>
          {words.t("load.opacity")}
          <input type="range" min="0" max="1" step="0.05" value={opacity} onChange={(event) => setOpacity(Number(event.target.value))} />
        </label>
        <button type="button" onClick={() => zoom(1 / STEP)}>
          {words.t("load.zoomOut")}
        </button>
        <button type="button" onClick={() => setView(WHOLE)}>
          {words.t("load.whole")}
        </button>
        <button type="button" onClick={() => zoom(STEP)}>
          {words.t("load.zoomIn")}
        </button>
        <button type="button" aria-pressed={before !== null} onClick={toggleBefore}>
          {words.t("load.compare")}
        </button>
        {before !== null && (
          <label>
            {words.t("load.compareAt")}
            <input type="range" min="0" max="100" value={before} onChange={(event) => setBefore(Number(event.target.value))} />
          </label>
        )}
        {views.length > 1 &&
          views.map((one) => (
            <button type="button" key={one.camera} aria-pressed={camera === (one.is_key ? null : one.camera)} onClick={() => choose(one)}>
              {words.t("load.camera", { camera: one.camera })}
            </button>
          ))}
      </div>
    </div>
  );
}
