// Nothing that a person decided is lost or done twice, whatever becomes of network, session and page.
import assert from "node:assert/strict";
import test from "node:test";
import { type Entry, Outbox, type Outcome, type Shelf } from "../src/outbox.ts";
import { NO_ANSWER, type Why } from "../src/why.ts";

class Cupboard implements Shelf {
  kept = new Map<string, Entry>();
  all = (): Entry[] => [...this.kept.values()].map((entry) => structuredClone(entry));
  put = (entry: Entry): void => void this.kept.set(entry.key, structuredClone(entry));
  remove = (key: string): void => void this.kept.delete(key);
}

/** A service that does everything once by its key, and a network that can be gone before or after it has. */
class Service {
  network: "well" | "gone" | "answers get lost" = "well";
  session = true;
  refuses: Why | null = null;
  asked: string[] = [];
  done = new Set<string>();

  readonly send = async (entry: Entry): Promise<Outcome> => {
    if (this.network === "gone") return { is: "away", why: NO_ANSWER };
    if (!this.session) return { is: "signedOut" };
    if (this.refuses) return { is: "refused", why: this.refuses };
    this.asked.push(entry.key);
    this.done.add(entry.key);
    return this.network === "well" ? { is: "done" } : { is: "away", why: NO_ANSWER };
  };
}

const decision = (load: string) => ({
  who: "user:ada",
  path: `/v1/loads/${load}/reviews`,
  body: { decision: "accept", reason: "seen" },
  ifMatch: '"1"',
  text: "accept",
  about: { load },
});

const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

test("what is decided without a network goes out in its order once the network is back", async () => {
  const service = new Service();
  const outbox = new Outbox(new Cupboard(), service.send);
  outbox.signedIn("user:ada");
  service.network = "gone";
  const keys = ["one", "two", "three"].map((load) => outbox.add(decision(load)).key);
  await settled();
  assert.equal(outbox.entries.length, 3);
  service.network = "well";
  await outbox.retry();
  assert.deepEqual(service.asked, keys);
  assert.deepEqual(outbox.entries, []);
});

test("an answer that got lost, and a page that was closed on it, do nothing twice", async () => {
  const service = new Service();
  const cupboard = new Cupboard();
  const first = new Outbox(cupboard, service.send);
  first.signedIn("user:ada");
  service.network = "answers get lost";
  const { key } = first.add(decision("one"));
  await settled();
  assert.equal(first.entries[0]?.state, "waiting");
  service.network = "well";
  const reopened = new Outbox(cupboard, service.send);
  reopened.signedIn("user:ada");
  await settled();
  assert.deepEqual(service.asked, [key, key]);
  assert.equal(service.done.size, 1);
  assert.equal(cupboard.kept.size, 0);
  await first.retry();
});

test("what waits for a password is sent in nobody else's name", async () => {
  const service = new Service();
  const outbox = new Outbox(new Cupboard(), service.send);
  outbox.signedIn("user:ada");
  service.session = false;
  outbox.add(decision("one"));
  await settled();
  service.session = true;
  outbox.signedIn("user:bob");
  await settled();
  assert.equal(service.done.size, 0);
  outbox.signedIn("user:ada");
  await settled();
  assert.equal(service.done.size, 1);
});

test("what is refused stays, says why, holds up nothing, and goes only when a person says so", async () => {
  const service = new Service();
  const outbox = new Outbox(new Cupboard(), service.send);
  outbox.signedIn("user:ada");
  service.refuses = { status: 409, en: "it is settled", zh: "已结算" };
  const { key } = outbox.add(decision("one"));
  await settled();
  const why = service.refuses;
  service.refuses = null;
  outbox.add(decision("two"));
  await settled();
  assert.deepEqual(
    outbox.entries.map((entry) => [entry.key, entry.state, entry.problem]),
    [[key, "refused", why]],
  );
  outbox.again(key);
  await settled();
  assert.ok(service.done.has(key));
});

test("what broke off on its way is not left as if it were still going", async () => {
  let breaks = true;
  const outbox = new Outbox(new Cupboard(), async () => {
    if (breaks) throw new SyntaxError("Unexpected end of JSON input");
    return { is: "done" };
  });
  outbox.signedIn("user:ada");
  outbox.add(decision("one"));
  await settled();
  assert.equal(outbox.entries[0]?.state, "waiting");
  breaks = false;
  await outbox.retry();
  assert.deepEqual(outbox.entries, []);
});
