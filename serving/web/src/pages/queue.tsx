import { useEffect, useRef, useState } from "react";
import { read, type Query, type Shape } from "../api.ts";
import { decidedLoads, outbox, useOutbox } from "../decisions.ts";
import { useNames } from "../names.ts";
import { Failed } from "../parts/failed.tsx";
import { follow, go } from "../route.ts";
import { plainName, useSession } from "../session.ts";
import { useWords } from "../show.ts";
import { isTextKey, type TextKey, type Words } from "../texts.ts";
import { useKeys } from "../use-keys.ts";
import { useLoaded } from "../use-loaded.ts";
import { useNews } from "../use-news.ts";

type Waiting = Shape<"QueueLoad">;

// What changes which loads wait, in which order, and who has them; a camera or a layer does not.
const QUEUED = new Set(["hazard.raised", "weight.recorded", "assessment.recorded", "review.recorded", "supplier.disputed", "dispute.answered", "stream.opened"]);
const MINUTE_MS = 60_000;
const PAGE = 50;
const REASONS_SHOWN = 3;
const BY_WHOM: [string, TextKey][] = [
  ["flag=hazard", "queue.dangers"],
  ["claimed=nobody", "queue.nobodys"],
  ["claimed=me", "queue.mine"],
  ["claimed=others", "queue.others"],
];

/** The loads that wait for a person, in the order in which they should be looked at. */
export async function readQueue(filter: Query): Promise<Shape<"QueuePage">> {
  return read("/v1/queue", {}, { limit: PAGE, ...filter });
}

export function QueuePage({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const { value, failed, again } = useLoaded(`queue ${query}`, () => readQueue(Object.fromEntries(query)));
  const decided = decidedLoads(useOutbox());
  // By its id: what comes in above it does not put another load under the finger that is about to press Enter.
  const [chosen, setChosen] = useState<string | null>(null);
  const list = useRef<HTMLOListElement>(null);
  const now = useNow();
  useNews(again, ({ kind }) => kind.startsWith("load.") || QUEUED.has(kind));
  useEffect(() => outbox.onDone(again), [again]);
  const loads = (value?.loads ?? []).filter((load) => !decided.has(load.id));
  const at = Math.max(0, loads.findIndex(({ id }) => id === chosen));
  const choose = (index: number): void => {
    const load = loads[index];
    if (!load) return;
    setChosen(load.id);
    // So that the row is brought into sight, and read aloud.
    list.current?.children[index]?.querySelector("a")?.focus();
  };
  useKeys("queue", {
    down: () => choose(Math.min(at + 1, loads.length - 1)),
    up: () => choose(Math.max(at - 1, 0)),
    open: () => loads[at] && go(`/loads/${encodeURIComponent(loads[at].id)}`),
  });
  return (
    <>
      <h1>
        {words.t("queue.title")} {value && <small>{words.t("queue.count", { n: value.total })}</small>}
      </h1>
      <Filters query={query} />
      <p className="hint">{words.t("queue.order")}</p>
      {failed && <Failed why={failed} again={again} />}
      {value && loads.length === 0 && <p className="empty">{words.t("queue.none")}</p>}
      <ol className="queue" ref={list}>
        {loads.map((load, index) => (
          <Row key={load.id} load={load} now={now} chosen={index === at} />
        ))}
      </ol>
      {value?.next_cursor && <a {...follow(`/queue?${withCursor(query, value.next_cursor)}`)}>{words.t("queue.next")}</a>}
    </>
  );
}

function withCursor(query: URLSearchParams, cursor: string): URLSearchParams {
  const next = new URLSearchParams(query);
  next.set("cursor", cursor);
  return next;
}

function Filters({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const lanes = useLoaded("lanes", () => read("/v1/lanes"));
  const here = query.toString();
  return (
    <nav className="filters" aria-label={words.t("queue.filters")}>
      <Filter query="" here={here} text={words.t("queue.all")} />
      {BY_WHOM.map(([one, text]) => (
        <Filter key={one} query={one} here={here} text={words.t(text)} />
      ))}
      {lanes.value?.lanes.map(({ id }) => (
        <Filter key={id} query={`lane=${encodeURIComponent(id)}`} here={here} text={words.t("queue.lane", { lane: id })} />
      ))}
    </nav>
  );
}

function Filter({ query, here, text }: { query: string; here: string; text: string }) {
  return (
    <a {...follow(query ? `/queue?${query}` : "/queue")} aria-current={query === here ? "true" : undefined}>
      {text}
    </a>
  );
}

function Row({ load, now, chosen }: { load: Waiting; now: number; chosen: boolean }) {
  const words = useWords();
  const names = useNames();
  const session = useSession();
  const me = session.is === "in" ? session.who.name : null;
  const grade = (code: string | null): string => (code === null ? words.t("load.noGrade") : names.grade(load.standard, code, words.language));
  return (
    <li className={chosen ? "chosen" : ""}>
      <a {...follow(`/loads/${encodeURIComponent(load.id)}`)} className={load.hazard ? "danger" : ""} aria-current={chosen ? "true" : undefined}>
        <span className="who">
          <b>{load.plate ?? load.id}</b> {load.hazard && <em>{words.t("queue.danger")}</em>}
          <small>{load.supplier}</small>
        </span>
        <span>
          {load.withheld === null ? grade(load.grade) : words.t("blind.title")}
          {load.declared && (
            <small>
              {words.t("queue.declared")}: {grade(load.declared)}
            </small>
          )}
        </span>
        <span>
          {deduction(load, words)}
          <small>{isUnseen(load) ? words.t("load.nothingSeen") : stake(load.at_stake, words)}</small>
        </span>
        <span className="reasons">{reasons(load, words)}</span>
        <span className="waits">
          <time dateTime={load.closed_at ?? load.created_at}>{words.ago(load.closed_at ?? load.created_at, now)}</time>
          {load.claim && (
            <small>
              {load.claim.holder === me ? words.t("queue.claimedByMe") : words.t("queue.claimed", { who: plainName(load.claim.holder) })}
            </small>
          )}
        </span>
      </a>
    </li>
  );
}

/** Whether nothing of a load was seen: a deduction of nothing says no more than that. */
function isUnseen({ flags }: Waiting): boolean {
  return flags.some(({ code }) => code === "no_layers");
}

function deduction({ deduction }: Waiting, words: Words): string {
  if (deduction.kg !== null) return words.kg(Number(deduction.kg));
  return deduction.percent === null ? "" : words.percent(Number(deduction.percent) / 100, 2);
}

function stake(at: Shape<"AtStake">, words: Words): string {
  if (at.amount === null || at.in === "unknown") return "";
  const value = Number(at.amount);
  const amount = at.in === "money" ? words.money(at.amount, at.currency ?? "") : at.in === "kg" ? words.kg(value) : words.percent(value / 100, 2);
  return words.t(at.at_most ? "queue.stakeAtMost" : "queue.stake", { amount });
}

function reasons(load: Waiting, words: Words): string {
  const titles = load.flags.map(({ code, why }) => {
    const key = `flag.${code}`;
    return isTextKey(key) ? words.t(key) : why;
  });
  return [...new Set(titles)].slice(0, REASONS_SHOWN).join(" · ");
}

function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
