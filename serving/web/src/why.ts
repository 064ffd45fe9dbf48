// Why the service has not done something, in the reader's language, with what to do about it.
import { isTextKey, type Words } from "./texts.ts";

/** What an answer says; status 0 with no words is no answer at all. Null where there are no Chinese words for it. */
export interface Why {
  status: number;
  en: string;
  zh: string | null;
}

export const NO_ANSWER: Why = { status: 0, en: "", zh: null };

const MOMENT = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g;
const PERSON = /\buser:/g;

/** Where the words of the service are known to say the cause and the remedy, they stand; else what such a refusal means
 * comes first, and they behind. Times and names are written as people write them. */
export function whySaid(why: Why, words: Words): string {
  if (why.status === 0) return why.en || words.t("net.unreachable");
  const said = (text: string): string => text.replace(PERSON, "").replace(MOMENT, (iso) => words.moment(iso));
  if (why.zh !== null) return said(words.language === "zh" ? why.zh : why.en);
  const key = `refused.${why.status}`;
  const general = words.t(isTextKey(key) ? key : why.status < 500 ? "refused.other" : "refused.failed");
  return words.t("refused.saying", { general, said: said(why.en) });
}
