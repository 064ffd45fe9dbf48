// What the service writes in English is read in Chinese too, figures and names included.
import assert from "node:assert/strict";
import test from "node:test";
import table from "../../loadlens/serving/sentences.json" with { type: "json" };
import { Names } from "../src/names.ts";
import { reasonTold, told } from "../src/sentences.ts";
import en from "../src/texts/en.json" with { type: "json" };
import zh from "../src/texts/zh.json" with { type: "json" };

const wood = { id: "wood", kind: "contaminant" as const, family: null, name: { en: "Wood", zh: "木材" }, colour: "#000000" };
const names = new Names([wood], []);
const chinese = (code: string, why: string): string => told(code, why, names, "zh").text;

test("every form is found again by what it says itself", () => {
  for (const [code, forms] of Object.entries(table)) {
    for (const [en = "", zh = ""] of forms) {
      const filled = (form: string): string => form.replace(/\{(\w+)(:class)?\}/g, "77.5");
      const said = told(code, filled(en), names, "zh");
      assert.equal(said.lang, "zh", en);
      assert.ok(said.text === filled(zh) || forms.length > 1, `${said.text} for ${en}`);
    }
  }
});

test("every reason that is offered is told in both languages, whoever gave it", () => {
  for (const key of Object.keys(en).filter((one) => one.startsWith("reason.")) as (keyof typeof en)[]) {
    assert.equal(reasonTold(`${en[key]}: x`, "zh"), `${zh[key]}: x`);
    assert.equal(reasonTold(zh[key], "en"), en[key]);
  }
});

test("figures, classes and cameras stand where the language has them", () => {
  assert.equal(chinese("coverage_low", "only 61.20 % of the bed was seen; the limit is 85 %"), "仅看到车厢的 61.20 %；要求不低于 85 %");
  assert.equal(chinese("contaminants_judged", "a person's figures stand in place of what was seen: wood (12 kg), soil (3 kg)"), "以下杂质以人工数值为准：木材 (12 kg)、soil (3 kg)");
  assert.equal(chinese("hazards_may_be_missed", "the model's alarm finds too few dangerous items (on held-out pictures: wood 4%, soil 50%); look yourself"), "模型对危险物的检出率偏低（留出图片上：木材 4%、soil 50%）；请亲自查看");
  assert.equal(chinese("frames_late", "camera a: 2 frames came after the load was closed; they were graded too"), "相机 a：2 张画面在关车后到达；已一并判级");
  assert.deepEqual(told("unheard_of", "so it was", names, "zh"), { text: "so it was", lang: "en" });
});
