// A figure is shown as what it is: parts of the net come in percent, the others as parts of one, and nothing as nothing.
import assert from "node:assert/strict";
import test from "node:test";
import { askedPeriod, before, maySeeFigures, share } from "../src/figures.ts";

const measure = (value: number, n: number, low: number | null = null, high: number | null = null) => ({ value, low, high, n });
const group = {
  key: "North Yard",
  loads: 12,
  weighed: 11,
  net_kg: "300000",
  deduction_kg: "7500",
  deduction_percent: "2.5",
  width_percent: measure(3, 12, 2.5, 3.5),
  bias_percent: measure(-0.5, 4),
  review_rate: measure(0.25, 12, 0.09, 0.53),
  overturn_rate: null,
  hazard_rate: measure(0, 12, 0, 0.24),
  coverage: measure(0.8, 12, 0.7, 0.9),
};

test("every measure comes as a part of one, with its interval and what it was counted on", () => {
  assert.deepEqual(share(group, "deduction_percent"), measure(0.025, 11));
  assert.deepEqual(share(group, "width_percent"), measure(0.03, 12, 0.025, 0.035));
  assert.deepEqual(share(group, "bias_percent"), measure(-0.005, 4));
  assert.deepEqual(share(group, "review_rate"), measure(0.25, 12, 0.09, 0.53));
  assert.equal(share(group, "overturn_rate"), null);
  assert.equal(share({ ...group, deduction_percent: null }, "deduction_percent"), null);
});

test("inspectors see no figures, and nobody does who is not signed in", () => {
  const who = (role: "camera" | "inspector" | "manager" | "auditor" | "admin") => ({ name: "user:x", role, lane: null, csrf: null });
  assert.deepEqual((["camera", "inspector", "manager", "auditor", "admin"] as const).map((role) => maySeeFigures(who(role))), [false, false, true, true, true]);
  assert.equal(maySeeFigures(null), false);
});

test("without a choice figures are of the last ninety days, and are held against the ninety before", () => {
  const now = new Date("2026-03-31T10:00:00Z");
  assert.deepEqual(askedPeriod(new URLSearchParams(), now), { since: "2026-01-01", until: null });
  assert.deepEqual(askedPeriod(new URLSearchParams("until=2026-03-01"), now), { since: null, until: "2026-03-01" });
  assert.deepEqual(before({ since: "2026-03-08", until: "2026-03-14" }), { since: "2026-03-01", until: "2026-03-07" });
  assert.deepEqual(before({ since: "2026-04-01", until: null }), { since: "2026-01-01", until: "2026-03-31" });
});
