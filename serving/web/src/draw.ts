// Regions that a person draws on the frame of a layer: points are shares of its width and height.

export type Point = [number, number];

/** A polygon or, with a radius (a share of the width), what a round brush covers along a line. */
export interface Region {
  class: string;
  points: Point[];
  radius: number | null;
}

export type Tool = "move" | "polygon" | "brush";
export const TOOLS: readonly Tool[] = ["move", "polygon", "brush"];

// A point nearer to the one before it than this says nothing new.
const LEAST_STEP = 0.004;
const MOST_POINTS = 1000;
const DIGITS = 1e4;

/** A place on the screen as shares of the frame, kept inside it. */
export function onFrame(x: number, y: number): Point {
  const kept = (share: number): number => Math.round(Math.min(1, Math.max(0, share)) * DIGITS) / DIGITS;
  return [kept(x), kept(y)];
}

/** A line with one more point, where that says something new. */
export function drawn(points: Point[], next: Point): Point[] {
  const last = points.at(-1);
  if (points.length >= MOST_POINTS || (last && Math.hypot(next[0] - last[0], next[1] - last[1]) < LEAST_STEP)) return points;
  return [...points, next];
}

/** The points of a line for SVG, in a picture that is `width` wide and `height` high. */
export function svgPoints(points: Point[], width: number, height: number): string {
  return points.map(([x, y]) => `${x * width},${y * height}`).join(" ");
}
