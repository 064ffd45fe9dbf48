// Whoever is refused reads why, and what to do, in their own language.
import assert from "node:assert/strict";
import test from "node:test";
import { Words } from "../src/texts.ts";
import { NO_ANSWER, whySaid } from "../src/why.ts";

const [english, chinese] = [new Words("en"), new Words("zh")];

test("a refusal that is known in both languages is told as it is", () => {
  const why = { status: 409, en: "load L is claimed by user:bob until 2026-03-01T08:00:00.000+00:00; ask them", zh: "车次 L 由 user:bob 领取至 2026-03-01T08:00:00.000+00:00；请与其联系" };
  const until = (words: Words): string => words.moment("2026-03-01T08:00:00Z");
  assert.equal(whySaid(why, english), `load L is claimed by bob until ${until(english)}; ask them`);
  assert.equal(whySaid(why, chinese), `车次 L 由 bob 领取至 ${until(chinese)}；请与其联系`);
});

test("of any other it is told what it means and what to do, before the words of the service", () => {
  for (const status of [400, 403, 404, 409, 410, 413, 418, 422, 429, 500, 503, 507]) {
    const said = whySaid({ status, en: "body.kg: Input should be less than 9", zh: null }, chinese);
    assert.match(said, /^[\u4e00-\u9fff，；]+（服务器原文：body.kg: Input should be less than 9）$/, String(status));
  }
  assert.match(whySaid({ status: 422, en: "body.kg: too much", zh: null }, english), /look at each field and mend it \(body.kg: too much\)$/);
});

test("where nothing answers it is said so", () => {
  assert.equal(whySaid(NO_ANSWER, chinese), "服务器没有响应");
});
