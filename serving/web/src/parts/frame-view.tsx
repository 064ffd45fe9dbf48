// The key frame of a layer with what was seen laid over it. The overlay has a legend below its picture, which the window
// cuts off: the lists beside it say the same in the reader's language.
import { type PointerEvent, useEffect, useRef, useState } from "react";
import { place } from "../api.ts";
import { useWords } from "../show.ts";
import { useKeys } from "../use-keys.ts";
import { moved, type Size, type View, WHOLE, zoomed } from "../zoom.ts";

/** What is shown of a layer; without an overlay where what was seen is not to be known yet. */
interface Shown {
  index: number;
  overlay?: string | null;
}

const STEP = 1.4;
const WHEEL = 0.0015;
const PAN_PX = 60;
const OPACITY_STEP = 0.2;

export function FrameView({ load, version, layer }: { load: string; version: number; layer: Shown }) {
  const words = useWords();
  const box = useRef<HTMLDivElement>(null);
  const pointers = useRef(new Map<number, { x: number; y: number }>());
  const [view, setView] = useState<View>(WHOLE);
  const [ratio, setRatio] = useState(16 / 9);
  const [overlay, setOverlay] = useState(true);
  const [opacity, setOpacity] = useState(1);
  const [gone, setGone] = useState(false);
  useEffect(() => {
    setView(WHOLE);
    setGone(false);
  }, [layer.index]);

  const size = (): Size => ({ width: box.current?.clientWidth ?? 1, height: box.current?.clientHeight ?? 1 });
  const zoom = (by: number, x?: number, y?: number): void => setView((now) => zoomed(now, size(), by, x, y));
  const pan = (x: number, y: number): void => setView((now) => moved(now, size(), x, y));
  const fade = (by: number): void => setOpacity((now) => Math.min(1, Math.max(0, now + by)));

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
  });

  const press = (event: PointerEvent<HTMLDivElement>): void => {
    event.currentTarget.setPointerCapture(event.pointerId);
    pointers.current.set(event.pointerId, { x: event.clientX, y: event.clientY });
  };
  const drag = (event: PointerEvent<HTMLDivElement>): void => {
    const before = pointers.current.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...pointers.current].find(([id]) => id !== event.pointerId)?.[1];
    pointers.current.set(event.pointerId, now);
    if (!other) return pan(now.x - before.x, now.y - before.y);
    const at = event.currentTarget.getBoundingClientRect();
    const apart = (one: { x: number; y: number }): number => Math.hypot(one.x - other.x, one.y - other.y);
    zoom(apart(now) / Math.max(1, apart(before)), (now.x + other.x) / 2 - at.left, (now.y + other.y) / 2 - at.top);
  };
  const release = (event: PointerEvent<HTMLDivElement>): void => void pointers.current.delete(event.pointerId);

  if (gone) return <p className="bar">{words.t("load.noPicture")}</p>;
  const of = { load, index: layer.index };
  return (
    <div className="frame">
      <div
        ref={box}
        className="window"
        role="group"
        aria-label={words.t("load.view")}
        style={{ aspectRatio: ratio }}
        onPointerDown={press}
        onPointerMove={drag}
        onPointerUp={release}
        onPointerCancel={release}
      >
        <div className="picture" style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}>
          <img
            src={place("/v1/loads/{load}/layers/{index}/frame", of, { version })}
            alt={words.t("load.frame", { n: layer.index })}
            draggable={false}
            onLoad={({ currentTarget: shown }) => setRatio(shown.naturalWidth / shown.naturalHeight)}
            onError={() => setGone(true)}
          />
          {layer.overlay && overlay && <img className="overlay" src={layer.overlay} alt="" draggable={false} style={{ opacity }} />}
        </div>
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
      </div>
    </div>
  );
}
