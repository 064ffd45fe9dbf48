// Where a picture lies in its window: scaled by `scale` about its top left corner, then moved by x and y pixels.

export interface View {
  scale: number;
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export const WHOLE: View = { scale: 1, x: 0, y: 0 };
const CLOSEST = 12;

/** The view kept so that the picture always fills its window. */
export function within(view: View, size: Size): View {
  const scale = Math.min(CLOSEST, Math.max(1, view.scale));
  const least = { x: size.width * (1 - scale), y: size.height * (1 - scale) };
  return { scale, x: Math.min(0, Math.max(least.x, view.x)), y: Math.min(0, Math.max(least.y, view.y)) };
}

/** Closer (or further) by a factor, with what lies under a point staying under it. */
export function zoomed(view: View, size: Size, by: number, x = size.width / 2, y = size.height / 2): View {
  const scale = Math.min(CLOSEST, Math.max(1, view.scale * by));
  const grown = scale / view.scale;
  return within({ scale, x: x - (x - view.x) * grown, y: y - (y - view.y) * grown }, size);
}

export function moved(view: View, size: Size, x: number, y: number): View {
  return within({ ...view, x: view.x + x, y: view.y + y }, size);
}
