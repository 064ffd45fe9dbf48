// What was decided and is not yet confirmed stays in sight until it is; what was confirmed is said once.
import { useEffect, useState } from "react";
import { outbox, useOutbox } from "../decisions.ts";
import type { Entry } from "../outbox.ts";
import { follow, go } from "../route.ts";
import { plainName, useMe, useSession } from "../session.ts";
import { useWords } from "../show.ts";
import type { TextKey, Words } from "../texts.ts";
import { whySaid } from "../why.ts";
import { takeUp } from "./decision.tsx";

const SHOWN_MS = 4000;
// What is sent at once is not worth a line that jumps in and out again.
const QUIET_MS = 400;

export function OutboxBar() {
  const words = useWords();
  const isOut = useSession().is === "out";
  const who = useMe();
  const me = isOut || who === null ? null : who.name;
  const entries = useOutbox();
  const [late, setLate] = useState(false);
  const none = entries.length === 0;
  useEffect(() => {
    if (none) return setLate(false);
    const timer = setTimeout(() => setLate(true), QUIET_MS);
    return () => clearTimeout(timer);
  }, [none]);
  if (none || !late) return null;
  return (
    <section className="bar outbox" aria-label={words.t("outbox.title")}>
      <h2>{words.t("outbox.title")}</h2>
      <ul>
        {entries.map((entry) => (
          <li key={entry.key} className={entry.state}>
            <span role="status">
              <b>{words.t(`outbox.${entry.text}` as TextKey, entry.about)}</b> {stateOf(entry, me, words)}
            </span>
            <Actions entry={entry} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function stateOf(entry: Entry, me: string | null, words: Words): string {
  if (entry.state === "refused" && entry.isStale) return words.t("outbox.changed");
  if (entry.state === "refused") return words.t("outbox.refused", { why: entry.problem ? whySaid(entry.problem, words) : "" });
  if (entry.state === "sending") return words.t("outbox.sending");
  if (entry.who !== me) return words.t("outbox.other", { who: plainName(entry.who) });
  if (entry.problem === null) return words.t("outbox.waiting");
  return words.t("outbox.waitingWhy", { tries: entry.tries, why: whySaid(entry.problem, words) });
}

function Actions({ entry }: { entry: Entry }) {
  const words = useWords();
  const { load, container } = entry.about;
  const { draft } = entry;
  const anew = (): void => {
    if (!load || !draft) return;
    outbox.drop(entry.key);
    takeUp(load, entry.who, draft);
    go(`/loads/${encodeURIComponent(load)}`);
  };
  if (entry.state === "waiting") {
    return (
      <button type="button" onClick={() => void outbox.retry()}>
        {words.t("outbox.sendNow")}
      </button>
    );
  }
  if (entry.state !== "refused") return null;
  return (
    <>
      {entry.isStale && draft && (
        <button type="button" onClick={anew}>
          {words.t("outbox.anew")}
        </button>
      )}
      {load && !(entry.isStale && draft) && <a {...follow(`/loads/${encodeURIComponent(load)}`)}>{words.t("outbox.look")}</a>}
      {container && <a {...follow(`/waste/containers/${encodeURIComponent(container)}`)}>{words.t("outbox.lookContainer")}</a>}
      {!entry.isStale && (
        <button type="button" onClick={() => outbox.again(entry.key)}>
          {words.t("outbox.sendAgain")}
        </button>
      )}
      <button type="button" onClick={() => outbox.drop(entry.key)}>
        {words.t("outbox.drop")}
      </button>
    </>
  );
}

export function DoneNotes() {
  const words = useWords();
  const [done, setDone] = useState<Entry | null>(null);
  useEffect(() => outbox.onDone(setDone), []);
  useEffect(() => {
    const timer = setTimeout(() => setDone(null), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [done]);
  return (
    <p className="done" role="status">
      {done && words.t(`done.${done.text}` as TextKey, done.about)}
    </p>
  );
}
