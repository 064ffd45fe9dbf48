// Grams are counted to the gram, places have their names, and the spans of reports end with the last day of their months.
import assert from "node:assert/strict";
import test from "node:test";
import { Words } from "../src/texts.ts";
import { quick, spanBetween, spanOf } from "../src/waste/periods.ts";
import { gramsOf, isTyped, kilograms, placeName, placesToGo, VOLUME } from "../src/waste/places.ts";

const english = new Words("en");
const ROOMS = [{ id: "r1", name: "Dross", zone_names: ["A"] }];

test("kilograms are typed with a point or a comma, and nothing is rounded", () => {
  assert.deepEqual(["212,5", "0.001", " 7 "].map(gramsOf), [212_500, 1, 7000]);
  // 1212 kg are shown as 1,212 kg: whoever types that does not mean one kilogram.
  assert.equal(gramsOf(kilograms(1_212_000, english).replace(" kg", "")), null);
  assert.deepEqual(["1,000", "12,5", "1000", "0.25"].map((litres) => isTyped(VOLUME, litres)), [false, true, true, false]);
  assert.deepEqual(["", "0", "-1", "1e3", "0.0001", "1.2.3"].map(gramsOf), [null, null, null, null, null, null]);
  assert.equal(kilograms(1_212_501, english), "1,212.501 kg");
});

test("a place is called by the name of its room, and by its id where nobody has described it", () => {
  assert.equal(placeName("room:r1/A", ROOMS, english), "Dross, zone A");
  assert.equal(placeName("room:r9", ROOMS, english), "r9");
  assert.deepEqual(placesToGo(ROOMS, english).map(({ id }) => id), ["floor", "room:r1", "room:r1/A", "transit"]);
});

test("a report is of whole months, also over the end of a year and in February", () => {
  const spans = Object.fromEntries(quick(new Date(2028, 1, 29)).map(({ name, span }) => [name, `${span.since} ${span.until}`]));
  assert.deepEqual(spans, {
    month: "2028-02-01 2028-02-29",
    lastMonth: "2028-01-01 2028-01-31",
    quarter: "2028-01-01 2028-03-31",
    lastQuarter: "2027-10-01 2027-12-31",
    year: "2028-01-01 2028-12-31",
  });
  assert.deepEqual(spanBetween("2026-01-01T00:00:00+02:00", "2026-04-01T00:00:00+02:00"), { since: "2026-01-01", until: "2026-03-31" });
  assert.deepEqual(spanOf("2026-01-01", "x", new Date(2026, 3, 5)), { since: "2026-04-01", until: "2026-04-30" });
});
