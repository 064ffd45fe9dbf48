// Figures of the yard as the service counts them, all as shares with their interval and what they were counted on.
import type { Query, Shape } from "./api.ts";

export const SECTIONS = ["deductions", "prices", "beside", "hazards", "drift", "agreement"] as const;
export type SectionOf = (typeof SECTIONS)[number];

export const GROUPINGS = ["supplier", "grade", "inspector", "camera", "month"] as const;
export type Grouping = (typeof GROUPINGS)[number];

export const MEASURES = ["deduction_percent", "width_percent", "bias_percent", "review_rate", "overturn_rate", "hazard_rate", "coverage"] as const;
export type Measured = (typeof MEASURES)[number];

/** The classes that mills count price errors in. */
export const PRICE_CLASSES = ["below_30", "from_30_to_50", "from_50_to_100", "from_100"] as const;

/** What is shown without a choice: figures cost what their period holds. */
const DAYS = 90;
const DAY_MS = 86_400_000;

/** Whether figures of a kind come by groups. */
export function isGrouped(of: SectionOf): boolean {
  return of === "deductions" || of === "prices";
}

/** The days that an address asks for, in UTC; without any the last ninety. */
export function askedPeriod(query: URLSearchParams, now: Date): Query {
  const [since, until] = [query.get("since"), query.get("until")];
  return { since: since || until ? since : day(now.getTime() - (DAYS - 1) * DAY_MS), until };
}

/** As many days right before a period as it has, or ninety where it has no beginning or end. */
export function before({ since, until }: Query): Query {
  if (!since) return { since: null, until: null };
  const first = Date.parse(String(since));
  const days = until ? (Date.parse(String(until)) - first) / DAY_MS + 1 : DAYS;
  return { since: day(first - days * DAY_MS), until: day(first - DAY_MS) };
}

function day(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

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
