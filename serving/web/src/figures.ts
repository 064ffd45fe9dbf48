// Figures of the yard as the service counts them, all as shares with their interval and what they were counted on.
import type { Shape } from "./api.ts";

export const GROUPINGS = ["supplier", "grade", "inspector", "camera", "month"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export const MEASURES = ["deduction_percent", "width_percent", "bias_percent", "review_rate", "overturn_rate", "coverage"] as const;
export type Measured = (typeof MEASURES)[number];

/** Whether a measure is a part of the net, of which small ones are told apart; the others are of loads or of the bed. */
export function isOfNet(measured: Measured): boolean {
  return measured.endsWith("_percent");
}

/** Those of the service's roles that see figures; a group of one load would tell an inspector what is withheld. */
export function maySeeFigures(who: Shape<"Who"> | null): boolean {
  return who !== null && ["manager", "auditor", "admin"].includes(who.role);
}

/** A measure of a group as a share of one, below 0 where a bias is; null where there is nothing to count. */
export function share(group: Shape<"GroupShown">, measured: Measured): Shape<"Measure"> | null {
  if (measured === "deduction_percent") {
    // All that was deducted by all that was weighed: a sum, so it has no interval.
    if (group.deduction_percent === null) return null;
    return { value: Number(group.deduction_percent) / 100, low: null, high: null, n: group.weighed };
  }
  const found = group[measured];
  if (found === null) return null;
  const whole = isOfNet(measured) ? 100 : 1;
  const part = (value: number | null): number | null => (value === null ? null : value / whole);
  return { value: found.value / whole, low: part(found.low), high: part(found.high), n: found.n };
}
