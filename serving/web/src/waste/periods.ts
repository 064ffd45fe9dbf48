// Spans of days, both ends included, as date fields write them.

export interface Span {
  since: string;
  until: string;
}

/** A day here, as date fields write it. */
export function written(day: Date): string {
  const two = (part: number): string => String(part).padStart(2, "0");
  return `${day.getFullYear()}-${two(day.getMonth() + 1)}-${two(day.getDate())}`;
}

/** The first to the last day of some months: `from` and `count` count from the month of `now`. */
function months(now: Date, from: number, count: number): Span {
  const first = new Date(now.getFullYear(), now.getMonth() + from, 1);
  return { since: written(first), until: written(new Date(first.getFullYear(), first.getMonth() + count, 0)) };
}

/** The spans that reports are asked for: this month, the last one, this quarter, the last one, this year. */
export function quick(now: Date): { name: "month" | "lastMonth" | "quarter" | "lastQuarter" | "year"; span: Span }[] {
  const intoQuarter = now.getMonth() % 3;
  return [
    { name: "month", span: months(now, 0, 1) },
    { name: "lastMonth", span: months(now, -1, 1) },
    { name: "quarter", span: months(now, -intoQuarter, 3) },
    { name: "lastQuarter", span: months(now, -intoQuarter - 3, 3) },
    { name: "year", span: months(now, -now.getMonth(), 12) },
  ];
}

/** The span that was asked for; this month where none was. */
export function spanOf(since: string | null, until: string | null, now: Date): Span {
  const isDay = (text: string | null): text is string => text !== null && /^\d{4}-\d{2}-\d{2}$/.test(text);
  return isDay(since) && isDay(until) ? { since, until } : months(now, 0, 1);
}

/** The span from a day until before another, given as the moments that they begin at: by the days that these name, because
 * in another season the clock here is another one. */
export function spanBetween(from: string, to: string): Span {
  const last = new Date(`${to.slice(0, 10)}T00:00`);
  last.setDate(last.getDate() - 1);
  return { since: from.slice(0, 10), until: written(last) };
}

/** The clock of this browser, as +08:00: days and the times in tables have no offset of their own. */
export function offsetHere(): string {
  const minutes = -new Date().getTimezoneOffset();
  const two = (part: number): string => String(Math.trunc(Math.abs(part))).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${two(minutes / 60)}:${two(minutes % 60)}`;
}
