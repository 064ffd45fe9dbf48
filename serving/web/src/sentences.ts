// The sentences that the service stores in English, in the reader's language; the table is the service's own
// (serving/loadlens/serving/sentences.py says how it is read).
import table from "../../loadlens/serving/sentences.json" with { type: "json" };
import type { Names } from "./names.ts";
import type { Language } from "./texts.ts";

const FORMS: Record<string, string[][]> = table;
const PLACE = /\{(\w+)(?::(class))?\}/g;
const CAMERA = /camera ([\w.-]+): (.+?)(?=; camera [\w.-]+: |$)/gs;

function pattern(form: string): RegExp {
  const text = form.replace(/[\\^$.*+?()[\]|]/g, "\\$&");
  return new RegExp(`^${text.replace(PLACE, "(?<$1>.+?)")}$`, "s");
}

/** Classes, one or several, by the names that a language has for them, each perhaps with its figure. */
function classes(text: string, names: Names, language: Language): string {
  const one = (part: string): string => {
    const [, name = part, rest = ""] = /^(.+?)( \(.*\)| [\d.]+%)?$/s.exec(part) ?? [];
    const id = name.replaceAll(" ", "_");
    const known = names.class(id, language);
    return (known === id ? name : known) + rest;
  };
  return text.split(", ").map(one).join("、");
}

function found(code: string, why: string, names: Names, language: Language): string | null {
  for (const [en = "", zh = ""] of FORMS[code] ?? []) {
    const said = pattern(en).exec(why)?.groups;
    if (!said && en !== why) continue;
    return zh.replace(PLACE, (_, name: string, kind: string | undefined) => {
      const text = said?.[name] ?? "";
      return kind ? classes(text, names, language) : text;
    });
  }
  return null;
}

/** A reason that a person gave: those that are offered are known in both languages, a person's own words stay. */
export function reasonTold(text: string, language: Language): string {
  for (const [en = "", zh = ""] of FORMS["reason"] ?? []) {
    const said = [en, zh].find((one) => text === one || text.startsWith(`${one}: `));
    if (said !== undefined) return (language === "zh" ? zh : en) + text.slice(said.length);
  }
  return text;
}

/** A sentence of this code as a reader of the language reads it, and whether it is in that language. */
export function told(code: string, why: string, names: Names, language: Language): { text: string; lang: Language } {
  if (language === "en") return { text: why, lang: "en" };
  const parts = [...why.matchAll(CAMERA)].map(([, camera, part = ""]) => [camera, found(code, part, names, language)] as const);
  if (parts.length > 0 && parts.every(([, part]) => part !== null)) {
    return { text: parts.map(([camera, part]) => `相机 ${camera}：${part}`).join("；"), lang: "zh" };
  }
  const text = found(code, why, names, language);
  return text === null ? { text: why, lang: "en" } : { text, lang: "zh" };
}
