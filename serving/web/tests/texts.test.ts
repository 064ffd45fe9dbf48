// Every word that a person reads stands in both catalogues, and none stands in a component.
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import test from "node:test";
import ts from "typescript";
import { KEYS } from "../src/keys.ts";
import { CATALOGUES, Words } from "../src/texts.ts";

const { en, zh } = CATALOGUES;

const SRC = new URL("../src/", import.meta.url).pathname;
const READ_ALOUD = new Set(["alt", "aria-label", "placeholder", "title", "label"]);
const LETTERS = /\p{Letter}/u;

const places = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

test("both catalogues have the same keys, with the same places to fill", () => {
  assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
  for (const [key, text] of Object.entries(en)) assert.deepEqual(places(zh[key as keyof typeof zh]), places(text), key);
});

/** Text that stands in a component, where a person would read it in one language only. */
function literals(file: string): string[] {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true, ts.ScriptKind.TSX);
  const found: string[] = [];
  const isText = (node: ts.Node | undefined): node is ts.StringLiteralLike => node !== undefined && ts.isStringLiteralLike(node);
  const look = (node: ts.Node): void => {
    if (ts.isJsxText(node) && LETTERS.test(node.text)) found.push(node.text.trim());
    if (ts.isJsxExpression(node) && isText(node.expression) && LETTERS.test(node.expression.text) && !ts.isJsxAttribute(node.parent)) {
      found.push(node.expression.text);
    }
    if (ts.isJsxAttribute(node) && READ_ALOUD.has(node.name.getText()) && isText(node.initializer) && LETTERS.test(node.initializer.text)) {
      found.push(node.initializer.text);
    }
    ts.forEachChild(node, look);
  };
  look(source);
  return found.map((text) => `${file.slice(SRC.length)}: ${text}`);
}

test("no component holds text of its own", () => {
  const files = globSync(`${SRC}**/*.tsx`);
  assert.ok(files.length > 10);
  assert.deepEqual(files.flatMap(literals), []);
});

test("every text is used", () => {
  const code = globSync(`${SRC}**/*.{ts,tsx}`).filter((file) => !file.endsWith(".d.ts")).map((file) => readFileSync(file, "utf8")).join("\n");
  const families = [...code.matchAll(/`([a-z]+\.(?:[a-z]+\.)?)\$\{/gi)].map((found) => found[1]!);
  const unused = Object.keys(en).filter((key) => !code.includes(`"${key}"`) && !families.some((family) => key.startsWith(family)));
  assert.deepEqual(unused, []);
});

test("every key of the keyboard is explained in both languages, and does one thing in its place", () => {
  const seen = new Set<string>();
  for (const { where, does, keys } of KEYS) {
    assert.ok(`key.${does}` in en, does);
    for (const key of keys) {
      assert.ok(!seen.has(`${where} ${key}`), `${where} ${key}`);
      seen.add(`${where} ${key}`);
      // What works everywhere is not taken away anywhere.
      if (where !== "everywhere") assert.ok(!KEYS.some((rule) => rule.where === "everywhere" && (rule.keys as readonly string[]).includes(key)), key);
    }
  }
});

test("masses, shares and ages are written as each language writes them", () => {
  const [english, chinese] = [new Words("en"), new Words("zh")];
  assert.equal(english.kg(1234.4), "1,234 kg");
  assert.equal(english.kg(7.25), "7.3 kg");
  assert.equal(chinese.weight(32_540), "32.54 t");
  assert.equal(english.money("80123.5", "CNY"), "CN¥80,123.50");
  // As a mill may write it in its standard.
  assert.equal(chinese.money("80123.5", "元"), "80,123.50 元");
  assert.equal(chinese.percent(0.0312), "3.1%");
  assert.equal(english.time("2020-03-01T12:00:00Z"), english.moment("2020-03-01T12:00:00Z"));
  assert.doesNotMatch(english.time(new Date().toISOString()), new RegExp(String(new Date().getFullYear())));
  const now = Date.parse("2026-03-01T08:00:00Z");
  assert.equal(english.ago("2026-03-01T06:00:00Z", now), "2 hours ago");
  assert.equal(chinese.ago("2026-03-01T07:57:00Z", now), "3分钟前");
});
