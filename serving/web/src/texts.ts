// The words of the console in two languages, and numbers and times as each writes them.
import enYard from "./texts/en.json" with { type: "json" };
import enWaste from "./texts/waste.en.json" with { type: "json" };
import zhWaste from "./texts/waste.zh.json" with { type: "json" };
import zhYard from "./texts/zh.json" with { type: "json" };

const en = { ...enYard, ...enWaste };
const zh = { ...zhYard, ...zhWaste };

export type TextKey = keyof typeof en;
export type Language = "en" | "zh";
export type Fill = Record<string, string | number>;

export const CATALOGUES: Record<Language, Record<TextKey, string>> = { en, zh };
const LOCALES: Record<Language, string> = { en: "en-GB", zh: "zh-CN" };
const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;
const TONNES_FROM_KG = 10_000;
const CODE = /^[A-Za-z]{3}$/;

export function isTextKey(key: string): key is TextKey {
  return key in en;
}

/** A text with its {places} filled. */
export function filled(text: string, fill: Fill): string {
  return text.replace(/\{(\w+)\}/g, (place, name: string) => String(fill[name] ?? place));
}

/** Everything that is written for people, in one language. */
export class Words {
  readonly language: Language;
  readonly locale: string;
  private readonly formats = new Map<string, unknown>();

  constructor(language: Language) {
    this.language = language;
    this.locale = LOCALES[language];
  }

  t(key: TextKey, fill: Fill = {}): string {
    return filled(CATALOGUES[this.language][key], fill);
  }

  /** A format of Intl: making one takes many times as long as writing a figure with it, and a page writes hundreds. */
  private format<Format>(name: string, make: () => Format): Format {
    if (!this.formats.has(name)) this.formats.set(name, make());
    return this.formats.get(name) as Format;
  }

  number(value: number, digits: number): string {
    return this.format(`number ${digits}`, () => new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits })).format(value);
  }

  /** Kilograms: whole ones, or to the tenth where there are few. */
  kg(value: number): string {
    return this.t("unit.kg", { n: this.number(value, Math.abs(value) < 100 ? 1 : 0) });
  }

  /** A weight: tonnes for what a truck carries, else kilograms. */
  weight(kg: number): string {
    return kg >= TONNES_FROM_KG ? this.t("unit.t", { n: this.number(kg / 1000, 3) }) : this.kg(kg);
  }

  /** A share, 0..1. */
  percent(share: number, digits = 1): string {
    const make = () => new Intl.NumberFormat(this.locale, { style: "percent", maximumFractionDigits: digits });
    return this.format(`percent ${digits}`, make).format(share);
  }

  money(amount: string, currency: string): string {
    // A standard may name its currency as people do ("元"), and a browser knows codes of three letters alone.
    if (!CODE.test(currency)) return `${this.amount(Number(amount))} ${currency}`;
    return this.format(`money ${currency}`, () => new Intl.NumberFormat(this.locale, { style: "currency", currency })).format(Number(amount));
  }

  private amount(value: number): string {
    const digits = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
    return this.format("amount", () => new Intl.NumberFormat(this.locale, digits)).format(value);
  }

  /** A day, written as 2026-11-30. */
  day(iso: string): string {
    return this.format("day", () => new Intl.DateTimeFormat(this.locale, { dateStyle: "long", timeZone: "UTC" })).format(new Date(iso));
  }

  moment(iso: string): string {
    return this.format("moment", () => new Intl.DateTimeFormat(this.locale, { dateStyle: "medium", timeStyle: "short" })).format(new Date(iso));
  }

  /** A time of today; of another day the day too, because "14:05" alone would be read as today's. */
  time(iso: string): string {
    if (new Date(iso).toDateString() !== new Date().toDateString()) return this.moment(iso);
    return this.format("time", () => new Intl.DateTimeFormat(this.locale, { timeStyle: "medium" })).format(new Date(iso));
  }

  /** How long ago something was, in the unit that fits. */
  ago(iso: string, now: number): string {
    const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1000));
    const relative = this.format("ago", () => new Intl.RelativeTimeFormat(this.locale, { numeric: "auto" }));
    if (seconds < MINUTE_S) return relative.format(-seconds, "second");
    if (seconds < HOUR_S) return relative.format(-Math.floor(seconds / MINUTE_S), "minute");
    if (seconds < DAY_S) return relative.format(-Math.floor(seconds / HOUR_S), "hour");
    return relative.format(-Math.floor(seconds / DAY_S), "day");
  }
}
