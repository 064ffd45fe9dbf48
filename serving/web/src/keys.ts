// Every key of the console. The page of help shows this list, and nothing else listens to a key.

export type Where = "everywhere" | "queue" | "load" | "decision" | "waste";

export interface KeyRule {
  where: Where;
  does: string;
  /** As KeyboardEvent.key says them; "Mod+" is Ctrl, or Command on a Mac. */
  keys: readonly string[];
}

export const KEYS = [
  { where: "everywhere", does: "help", keys: ["?"] },
  { where: "everywhere", does: "live", keys: ["l"] },
  { where: "everywhere", does: "queue", keys: ["q"] },
  { where: "everywhere", does: "loads", keys: ["g"] },
  { where: "everywhere", does: "figures", keys: ["f"] },
  { where: "everywhere", does: "settings", keys: [","] },
  { where: "everywhere", does: "waste", keys: ["w"] },
  { where: "everywhere", does: "acknowledge", keys: ["k"] },
  { where: "queue", does: "down", keys: ["ArrowDown", "j"] },
  { where: "queue", does: "up", keys: ["ArrowUp"] },
  { where: "queue", does: "open", keys: ["Enter"] },
  { where: "load", does: "accept", keys: ["a"] },
  { where: "load", does: "correct", keys: ["c"] },
  { where: "load", does: "stop", keys: ["s"] },
  { where: "load", does: "second", keys: ["e"] },
  { where: "load", does: "settle", keys: ["t"] },
  { where: "load", does: "next", keys: ["n"] },
  { where: "load", does: "nextLayer", keys: ["ArrowRight"] },
  { where: "load", does: "previousLayer", keys: ["ArrowLeft"] },
  { where: "load", does: "overlay", keys: ["o"] },
  { where: "load", does: "fainter", keys: ["["] },
  { where: "load", does: "stronger", keys: ["]"] },
  { where: "load", does: "zoomIn", keys: ["+", "="] },
  { where: "load", does: "zoomOut", keys: ["-"] },
  { where: "load", does: "whole", keys: ["0"] },
  { where: "load", does: "panLeft", keys: ["Shift+ArrowLeft"] },
  { where: "load", does: "panRight", keys: ["Shift+ArrowRight"] },
  { where: "load", does: "panUp", keys: ["Shift+ArrowUp"] },
  { where: "load", does: "panDown", keys: ["Shift+ArrowDown"] },
  { where: "load", does: "before", keys: ["b"] },
  { where: "load", does: "camera", keys: ["v"] },
  { where: "decision", does: "polygon", keys: ["p"] },
  { where: "decision", does: "brush", keys: ["d"] },
  { where: "decision", does: "move", keys: ["m"] },
  { where: "decision", does: "closeRegion", keys: ["r"] },
  { where: "decision", does: "reason", keys: ["1", "2", "3", "4"] },
  { where: "decision", does: "commit", keys: ["Enter"] },
  { where: "decision", does: "undo", keys: ["Mod+z"] },
  { where: "decision", does: "cancel", keys: ["Escape"] },
  { where: "waste", does: "rooms", keys: ["1"] },
  { where: "waste", does: "label", keys: ["2"] },
  { where: "waste", does: "scan", keys: ["3"] },
  { where: "waste", does: "ledger", keys: ["4"] },
  { where: "waste", does: "transfers", keys: ["5"] },
  { where: "waste", does: "reports", keys: ["6"] },
] as const satisfies readonly KeyRule[];

type Rule = (typeof KEYS)[number];
export type Does<Place extends Where> = Extract<Rule, { where: Place }>["does"];

interface Pressed {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
  shiftKey: boolean;
}

/** How a key press is written in the list; null where it belongs to the browser. */
export function named(pressed: Pressed): string | null {
  if (pressed.altKey) return null;
  if (pressed.ctrlKey || pressed.metaKey) return `Mod+${pressed.key.toLowerCase()}`;
  // Shift is part of a sign ("?") and a word of its own only with the keys that give none.
  return pressed.shiftKey && pressed.key.length > 1 ? `Shift+${pressed.key}` : pressed.key;
}

/** What a key does in a place; undefined where it does nothing there. */
export function found(where: Where, key: string): string | undefined {
  return KEYS.find((rule) => rule.where === where && (rule.keys as readonly string[]).includes(key))?.does;
}
