import { useEffect, useState } from "react";
import { read, type Shape } from "../api.ts";
import { decidedLoads, useOutbox } from "../decisions.ts";
import { onHappening } from "../events.ts";
import { Failed } from "../parts/failed.tsx";
import { follow, go } from "../route.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { useKeys } from "../use-keys.ts";
import { useLoaded } from "../use-loaded.ts";

const MINUTE_MS = 60_000;

/** The loads that wait for a person, in the order in which they should be looked at. */
export async function readQueue(lane: string | null): Promise<Shape<"LoadSummary">[]> {
  const { loads } = await read("/v1/loads", {}, { status: "flagged", lane, limit: 200 });
  return loads.reverse();
}

export function QueuePage({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const lane = query.get("lane");
  const { value, failed, again } = useLoaded(`queue ${lane}`, () => readQueue(lane));
  const lanes = useLoaded("lanes", () => read("/v1/lanes"));
  const decided = decidedLoads(useOutbox());
  const [chosen, setChosen] = useState(0);
  const now = useNow();
  useEffect(() => onHappening(({ kind }) => kind !== "layer.settled" && again()), [again]);
  const loads = (value ?? []).filter((load) => !decided.has(load.id));
  const at = Math.min(chosen, Math.max(0, loads.length - 1));
  useKeys("queue", {
    down: () => setChosen(Math.min(at + 1, loads.length - 1)),
    up: () => setChosen(Math.max(at - 1, 0)),
    open: () => loads[at] && go(`/loads/${encodeURIComponent(loads[at].id)}`),
  });
  return (
    <>
      <h1>
        {words.t("queue.title")} {value && <small>{words.t("queue.count", { n: loads.length })}</small>}
      </h1>
      <nav className="filters" aria-label={words.t("queue.filters")}>
        <Filter path="/queue" text={words.t("queue.all")} active={lane === null} />
        {lanes.value?.lanes.map((one) => (
          <Filter key={one.id} path={`/queue?lane=${encodeURIComponent(one.id)}`} text={words.t("queue.lane", { lane: one.id })} active={lane === one.id} />
        ))}
      </nav>
      {failed && <Failed why={failed} again={again} />}
      {value && loads.length === 0 && <p className="empty">{words.t("queue.none")}</p>}
      <ol className="queue">
        {loads.map((load, index) => (
          <Row key={load.id} load={load} now={now} chosen={index === at} />
        ))}
      </ol>
    </>
  );
}

function Filter({ path, text, active }: { path: string; text: string; active: boolean }) {
  return (
    <a {...follow(path)} aria-current={active ? "true" : undefined}>
      {text}
    </a>
  );
}

function Row({ load, now, chosen }: { load: Shape<"LoadSummary">; now: number; chosen: boolean }) {
  const words = useWords();
  const names = useNames();
  return (
    <li className={chosen ? "chosen" : ""}>
      <a {...follow(`/loads/${encodeURIComponent(load.id)}`)} aria-current={chosen ? "true" : undefined}>
        <b>{load.plate ?? load.id}</b>
        <span>{load.supplier}</span>
        <span>{load.declared && `${words.t("queue.declared")}: ${names.grade(load.standard, load.declared, words.language)}`}</span>
        <span>{load.lane !== null && words.t("queue.lane", { lane: load.lane })}</span>
        <time dateTime={load.closed_at ?? load.created_at}>{words.ago(load.closed_at ?? load.created_at, now)}</time>
      </a>
    </li>
  );
}

function useNow(): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), MINUTE_MS);
    return () => clearInterval(timer);
  }, []);
  return now;
}
