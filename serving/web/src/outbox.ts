// What a person has decided and the service has not yet confirmed. It outlives the network, the session and the page:
// every entry keeps its idempotency key, so however often it is sent, it is done once.

import { NO_ANSWER, type Why } from "./why.ts";

export interface Entry {
  key: string;
  /** Whose decision it is: it is never sent in another person's name. */
  who: string;
  path: string;
  body: unknown;
  ifMatch: string | null;
  /** What is shown of it: a key of the catalogue and what fills it. */
  text: string;
  about: Record<string, string>;
  at: string;
  state: "waiting" | "sending" | "refused";
  tries: number;
  problem: Why | null;
  /** It was refused because the thing is no longer what the person had seen: as it is, it never goes through. */
  isStale?: boolean;
  /** What it was made from, where it can be decided anew. */
  draft?: string;
}

export type New = Pick<Entry, "who" | "path" | "body" | "ifMatch" | "text" | "about" | "draft">;

/** What became of one try. */
export type Outcome =
  | { is: "done"; answer?: unknown }
  | { is: "away"; why: Why }
  | { is: "signedOut" }
  | { is: "refused"; why: Why; isStale?: boolean };

/** Where entries are kept, each for itself, so that two pages of one browser do not overwrite each other's. */
export interface Shelf {
  all(): Entry[];
  put(entry: Entry): void;
  remove(key: string): void;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 15_000;

export class Outbox {
  entries: Entry[];
  private readonly shelf: Shelf;
  private readonly send: (entry: Entry) => Promise<Outcome>;
  private readonly listeners = new Set<() => void>();
  private readonly doneListeners = new Set<(entry: Entry, answer: unknown) => void>();
  private readonly newKey: () => string;
  private who: string | null = null;
  private running = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT_MS;

  constructor(shelf: Shelf, send: (entry: Entry) => Promise<Outcome>, newKey: () => string = () => crypto.randomUUID()) {
    this.shelf = shelf;
    this.send = send;
    this.newKey = newKey;
    // The page went while one was on its way: whether it arrived, its key will tell.
    this.entries = oldestFirst(shelf.all()).map((entry) => (entry.state === "sending" ? { ...entry, state: "waiting" } : entry));
  }

  /** Another page of this browser has put something on the shelf, or taken it off. */
  lookAgain(): void {
    if (this.running) return;
    this.entries = oldestFirst(this.shelf.all());
    this.tell();
  }

  /** Put a decision in line; it is sent as soon as that can be. */
  add(what: New): Entry {
    const entry: Entry = { ...what, key: this.newKey(), at: new Date().toISOString(), state: "waiting", tries: 0, problem: null };
    this.entries = [...this.entries, entry];
    this.shelf.put(entry);
    this.tell();
    void this.run();
    return entry;
  }

  /** Somebody is signed in (or nobody: null); what is theirs goes out. */
  signedIn(who: string | null): void {
    this.who = who;
    void this.retry();
  }

  /** Try now, without waiting any longer. */
  async retry(): Promise<void> {
    this.wait = FIRST_WAIT_MS;
    await this.run();
  }

  /** Give up an entry that the service has refused. */
  drop(key: string): void {
    if (this.entries.some((entry) => entry.key === key && entry.state === "refused")) this.takeOut(key);
  }

  /** Send a refused entry once more, as it was and under its own key. */
  again(key: string): void {
    this.change(key, { state: "waiting", problem: null });
    void this.retry();
  }

  onChange(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Be told of each entry that was done, with what the service answered. */
  onDone(listener: (entry: Entry, answer: unknown) => void): () => void {
    this.doneListeners.add(listener);
    return () => this.doneListeners.delete(listener);
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    clearTimeout(this.timer);
    try {
      let next: Entry | undefined;
      while ((next = this.entries.find((entry) => entry.state === "waiting" && entry.who === this.who))) {
        if (!(await this.attempt(next))) break;
      }
    } finally {
      this.running = false;
    }
  }

  /** One try; false where there is no use in trying the next one now. */
  private async attempt(entry: Entry): Promise<boolean> {
    this.change(entry.key, { state: "sending", tries: entry.tries + 1 });
    // Whatever went wrong on the way, an answer that broke off for one, may have come after it was done: it goes again.
    const outcome = await this.send(entry).catch((error: unknown): Outcome => ({ is: "away", why: { ...NO_ANSWER, en: String(error) } }));
    if (outcome.is === "done") {
      this.takeOut(entry.key);
      this.wait = FIRST_WAIT_MS;
      for (const listener of this.doneListeners) listener(entry, outcome.answer);
      return true;
    }
    if (outcome.is === "refused") {
      this.change(entry.key, { state: "refused", problem: outcome.why, isStale: outcome.isStale ?? false });
      return true;
    }
    this.change(entry.key, { state: "waiting", problem: outcome.is === "away" ? outcome.why : null });
    if (outcome.is === "signedOut") {
      this.who = null;
    } else {
      this.timer = setTimeout(() => void this.run(), this.wait);
      this.wait = Math.min(2 * this.wait, LONGEST_WAIT_MS);
    }
    return false;
  }

  private change(key: string, by: Partial<Entry>): void {
    this.entries = this.entries.map((entry) => (entry.key === key ? { ...entry, ...by } : entry));
    const changed = this.entries.find((entry) => entry.key === key);
    if (changed) this.shelf.put(changed);
    this.tell();
  }

  private takeOut(key: string): void {
    this.entries = this.entries.filter((entry) => entry.key !== key);
    this.shelf.remove(key);
    this.tell();
  }

  private tell(): void {
    for (const listener of this.listeners) listener();
  }
}

function oldestFirst(entries: Entry[]): Entry[] {
  return entries.toSorted((one, other) => one.at.localeCompare(other.at));
}
