// Every load, newest first: one that is to be settled, was settled long ago, or is looked for by its plate.
import type { FormEvent } from "react";
import { place, type Query, read, type Shape } from "../api.ts";
import { Failed } from "../parts/failed.tsx";
import { useNames } from "../names.ts";
import { follow, go } from "../route.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { useNews } from "../use-news.ts";

const PAGE = 50;
const STATES = ["emptied", "reviewed", "graded", "flagged", "settled", "failed", "cancelled"] as const;

export function LoadsPage({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const asked: Query = Object.fromEntries(query);
  const { value, failed, again } = useLoaded(`loads ${query}`, () => read("/v1/loads", {}, { limit: PAGE, ...asked }));
  useNews(again, ({ kind }) => kind === "load.opened" || kind === "load.transition" || kind === "stream.opened");
  const to = (change: Query): string => place("/loads", {}, { ...asked, cursor: null, ...change });
  return (
    <>
      <h1>{words.t("loads.title")}</h1>
      <Search key={query.get("q")} word={query.get("q") ?? ""} onWord={(q) => go(to({ q }))} />
      <nav className="filters" aria-label={words.t("queue.filters")}>
        <a {...follow(to({ status: null }))} aria-current={query.has("status") ? undefined : "true"}>
          {words.t("queue.all")}
        </a>
        {STATES.map((status) => (
          <a key={status} {...follow(to({ status }))} aria-current={query.get("status") === status ? "true" : undefined}>
            {words.t(status === "emptied" ? "loads.toSettle" : `status.${status}`)}
          </a>
        ))}
      </nav>
      {failed && <Failed why={failed} again={again} />}
      {value?.loads.length === 0 && <p className="empty">{words.t("loads.none")}</p>}
      <ol className="queue">
        {value?.loads.map((load) => (
          <Row key={load.id} load={load} />
        ))}
      </ol>
      {value?.next_cursor && <a {...follow(to({ cursor: value.next_cursor }))}>{words.t("queue.next")}</a>}
    </>
  );
}

function Search({ word, onWord }: { word: string; onWord: (word: string) => void }) {
  const words = useWords();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onWord(String(new FormData(event.currentTarget).get("q")).trim());
  };
  return (
    <form className="period" role="search" onSubmit={submit}>
      <label>
        {words.t("loads.word")}
        <input type="search" name="q" defaultValue={word} maxLength={100} autoComplete="off" />
      </label>
      <button>{words.t("loads.find")}</button>
    </form>
  );
}

function Row({ load }: { load: Shape<"LoadSummary"> }) {
  const words = useWords();
  const names = useNames();
  return (
    <li>
      <a {...follow(`/loads/${encodeURIComponent(load.id)}`)}>
        <span className="who">
          <b>{load.plate ?? load.id}</b>
          <small>{load.supplier}</small>
        </span>
        <span>
          {words.t(load.status === "emptied" ? "loads.toSettle" : `status.${load.status}`)}
          {load.lane && <small>{words.t("queue.lane", { lane: load.lane })}</small>}
        </span>
        <span>{load.declared && `${words.t("queue.declared")}: ${names.grade(load.standard, load.declared, words.language)}`}</span>
        <span className="reasons">{load.note}</span>
        <time className="waits" dateTime={load.created_at}>
          {words.moment(load.created_at)}
        </time>
      </a>
    </li>
  );
}
