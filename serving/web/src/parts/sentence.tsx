// A sentence of the service in the reader's language; where there is none, in the service's own.
import { useNames } from "../names.ts";
import { told } from "../sentences.ts";
import { useWords } from "../show.ts";

export function Sentence({ code, why }: { code: string; why: string }) {
  const { language } = useWords();
  const { text, lang } = told(code, why, useNames(), language);
  return <span lang={lang === language ? undefined : lang}>{text}</span>;
}
