// What is entered is what is sent, every step of it can be undone, and what cannot be meant is not sent.
import assert from "node:assert/strict";
import test from "node:test";
import { begun as begunWith, type Draft, fault, review, stepped, type Steps, undone } from "../src/draft.ts";
import { found, named } from "../src/keys.ts";
import { WHOLE, zoomed } from "../src/zoom.ts";

type Reviewed = Draft & { decision: "accept" | "correct" | "stop" };

const begun = (...given: Parameters<typeof begunWith>): Reviewed => begunWith(...given) as Reviewed;

const after = (...changes: Partial<Draft>[]): Steps =>
  changes.reduce((steps, change) => stepped(steps, change), { now: begun("correct", null), before: [] } as Steps);

test("a correction is sent as decimals, and fields that were left empty are nothing", () => {
  const { now } = after({ contaminants: { wood: "12,5", soil: "" } }, { water: "1.5" }, { items: [{ what: "cylinder", kg: "30" }] }, { reason: 1 });
  assert.equal(fault(now), null);
  assert.deepEqual(review(now as Reviewed, "Weighed"), {
    decision: "correct",
    reason: "Weighed",
    correction: {
      contaminants_kg: { wood: "12.5" },
      items: [{ what: "cylinder", kg: "30" }],
      residue_kg: "0",
      water_percent: "1.5",
      oil_percent: "0",
      packaging_kg: "0",
      other_kg: "0",
      other_reason: "",
      layers: [],
    },
  });
});

test("a new correction begins with the one that it takes the place of", () => {
  const earlier = review(after({ contaminants: { wood: "12.5" } }, { other: "3" }, { otherReason: "rope" }, { note: "x" }).now as Reviewed, null).correction;
  const again = begun("correct", { ...earlier!, items: [] } as never);
  assert.deepEqual([again.contaminants, again.other, again.otherReason, again.water], [{ wood: "12.5" }, "3", "rope", ""]);
});

test("of a layer only what was corrected is sent, and a later correction begins with it", () => {
  const square = { class: "wood", points: [[0, 0], [1, 0], [1, 1]] as [number, number][], radius: null };
  const layers = { 2: { regions: [square], contaminants: { soil: "2,5", wood: "" }, grade: null }, 3: { regions: [], contaminants: {}, grade: null } };
  const sent = review(after({ layers }, { note: "x" }).now as Reviewed, null).correction!;
  assert.deepEqual(sent.layers, [{ layer: 2, regions: [square], contaminants_percent: { soil: "2.5" }, grade: null }]);
  const kept = { ...sent, layers: sent.layers!.map((layer) => ({ ...layer, regions: layer.regions!.map((region) => ({ ...region, taken: {} })) })) };
  assert.deepEqual(begun("correct", kept as never).layers, { 2: { regions: [square], contaminants: { soil: "2.5" }, grade: null } });
});

test("what cannot be meant is named", () => {
  const faults: [Partial<Draft>, string][] = [
    [{}, "needsReason"],
    [{ note: "x", residue: "-1" }, "badNumber"],
    // A comma between thousands would be read as one before decimals: a thousandth of what is meant.
    [{ note: "x", residue: "1,234" }, "badNumber"],
    [{ note: "x", contaminants: { wood: "1e3" } }, "badNumber"],
    [{ note: "x", water: "101" }, "badPercent"],
    [{ note: "x", other: "4" }, "needsOther"],
    [{ note: "x", items: [{ what: "", kg: "4" }] }, "needsWhat"],
    [{ note: "x", items: [{ what: "motor", kg: " " }] }, "needsKg"],
  ];
  for (const [entered, is] of faults) assert.equal(fault({ ...begun("correct", null), ...entered })?.is, is);
});

test("a comma stands before decimals where it can mean nothing else", () => {
  const typed = (residue: string): string | undefined => fault({ ...begun("correct", null), note: "x", residue })?.is;
  assert.deepEqual(["0,125", "1234,5", "12,25", "1234.567", "1.234"].map(typed), [undefined, undefined, undefined, undefined, undefined]);
  assert.deepEqual(["12,345", "999,999", "1,234,567"].map(typed), ["badNumber", "badNumber", "badNumber"]);
});

test("undo takes back a word at a time, not a letter, and one field at a time", () => {
  let steps: Steps | null = after({ water: "1" }, { water: "1." }, { water: "1.5" }, { oil: "2" }, { reason: 2 });
  const seen = [];
  while (steps) {
    seen.push([steps.now.water, steps.now.oil, steps.now.reason]);
    steps = undone(steps);
  }
  assert.deepEqual(seen, [["1.5", "2", 2], ["1.5", "2", null], ["1.5", "", null], ["", "", null]]);
});

test("what lies under the pointer stays there while the picture comes closer, and the picture fills its window", () => {
  const size = { width: 800, height: 450 };
  const near = zoomed(WHOLE, size, 3, 600, 300);
  assert.deepEqual([near.x + 600 * near.scale, near.y + 300 * near.scale], [600, 300]);
  assert.deepEqual(zoomed(near, size, 0.01, 0, 0), WHOLE);
});

test("a key is its sign, and Shift counts only where it gives no other sign", () => {
  const press = (key: string, shiftKey = false, ctrlKey = false) => named({ key, shiftKey, ctrlKey, metaKey: false, altKey: false });
  assert.equal(found("everywhere", press("?", true)!), "help");
  assert.equal(found("load", press("ArrowLeft")!), "previousLayer");
  assert.equal(found("load", press("ArrowLeft", true)!), "panLeft");
  assert.equal(found("decision", press("z", false, true)!), "undo");
  assert.equal(found("load", press("a", false, true)!), undefined);
});
