// The one outbox of this browser, and what goes through it.
import { useSyncExternalStore } from "react";
import { ask, Problem, Unreachable, whyOf } from "./api.ts";
import { type Entry, Outbox, type Outcome, type Shelf } from "./outbox.ts";
import { session, sessionIsOver } from "./session.ts";
import type { Why } from "./why.ts";

const PREFIX = "loadlens.outbox.";

const shelf: Shelf = {
  all: () =>
    Object.keys(localStorage)
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => kept(JSON.parse(localStorage.getItem(name) ?? "null") as Kept)),
  put: (entry) => localStorage.setItem(PREFIX + entry.key, JSON.stringify(entry)),
  remove: (key) => localStorage.removeItem(PREFIX + key),
};

/** As an entry was kept before 0.2.0: why it was refused in English alone. */
type Kept = Omit<Entry, "problem"> & { problem: Why | string | null };

function kept(entry: Kept): Entry {
  const { problem } = entry;
  return { ...entry, problem: typeof problem === "string" ? { status: 0, en: problem, zh: null } : problem };
}

async function send(entry: Entry): Promise<Outcome> {
  const headers: Record<string, string> = { "Idempotency-Key": entry.key };
  if (entry.ifMatch) headers["If-Match"] = entry.ifMatch;
  try {
    const answer = await ask("POST", entry.path, entry.body, headers);
    return { is: "done", answer: await answer.json() };
  } catch (error) {
    if (error instanceof Unreachable) return { is: "away", why: whyOf(error) };
    if (!(error instanceof Problem)) throw error;
    if (error.status === 401) {
      sessionIsOver();
      return { is: "signedOut" };
    }
    const comesBack = error.status >= 500 || error.status === 429 || error.status === 408;
    return comesBack ? { is: "away", why: error.why } : { is: "refused", why: error.why, isStale: error.status === 412 };
  }
}

export const outbox = new Outbox(shelf, send);
session.follow(() => {
  const now = session.get();
  outbox.signedIn(now.is === "in" ? now.who.name : null);
});
addEventListener("online", () => void outbox.retry());
addEventListener("storage", (event) => event.key?.startsWith(PREFIX) && outbox.lookAgain());

export function useOutbox(): Entry[] {
  return useSyncExternalStore(
    (listener) => outbox.onChange(listener),
    () => outbox.entries,
  );
}

/** Whether something of this kind, about this very thing, is on its way and not yet confirmed. */
export function isUnderway(entries: Entry[], text: string, about: Record<string, string>): boolean {
  return entries.some(
    (entry) => entry.text === text && entry.state !== "refused" && Object.entries(about).every(([name, value]) => entry.about[name] === value),
  );
}

/** The loads that a person has decided on and that the service does not know of yet; an answer to a supplier decides nothing. */
export function decidedLoads(entries: Entry[]): Set<string> {
  return new Set(entries.filter((entry) => entry.state !== "refused" && entry.text !== "answer").flatMap((entry) => entry.about["load"] ?? []));
}
