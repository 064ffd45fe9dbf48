// Alarms that wait for a person, over everything else, on every page, with a sound where there is danger.
import { useEffect } from "react";
import { Problem, read, type Shape } from "../api.ts";
import { outbox, useOutbox } from "../decisions.ts";
import { useNames, type Names } from "../names.ts";
import { follow } from "../route.ts";
import { plainName, useMe, useSession } from "../session.ts";
import { useWords } from "../show.ts";
import { isTextKey, type Words } from "../texts.ts";
import { useLoaded } from "../use-loaded.ts";
import { useNews } from "../use-news.ts";
import { useSiren } from "../siren.ts";
import { whySaid } from "../why.ts";

type Alarm = Shape<"AlarmShown">;

const DANGER = ["hazard", "radiation"];
const LOOK_EVERY_MS = 15_000;
const SHOWN = 2;

export function AlarmBar() {
  const words = useWords();
  const { value, failed, again } = useLoaded("alarms", () => read("/v1/alarms", {}, { open: true }));
  const entries = useOutbox();
  const me = useMe()?.name;
  useNews(again, ({ kind }) => kind.startsWith("alarm.") || kind === "stream.opened");
  useEffect(() => outbox.onDone((entry) => entry.text === "acknowledge" && again()), [again]);
  useEffect(() => {
    const timer = setInterval(again, LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }, [again]);
  // Only while the caller's own word is on its way: what was refused, or waits for somebody else, takes nothing over.
  const mine = entries.filter((entry) => entry.state !== "refused" && entry.who === me);
  const taken = new Set(mine.map((entry) => entry.about["alarm"]));
  const waiting = (value?.alarms ?? []).filter((alarm) => !taken.has(String(alarm.id)));
  const dangers = waiting.filter((alarm) => DANGER.includes(alarm.kind));
  const others = waiting.filter((alarm) => !DANGER.includes(alarm.kind));
  const shown = [...dangers, ...others].slice(0, SHOWN);
  // That nothing answers is said below; here, that something does and the alarms are not in it.
  const isBlind = failed instanceof Problem;
  if (shown.length === 0 && !isBlind) return null;
  return (
    <section className="alarms" role="alert">
      {isBlind && <p className="bar alarm">{words.t("alarm.unread", { why: whySaid(failed.why, words) })}</p>}
      {dangers.length > 0 && <Siren />}
      {shown.map((alarm) => (
        <AlarmLine key={alarm.id} alarm={alarm} />
      ))}
      {waiting.length > SHOWN && <p className="bar alarm">{words.t("alarm.more", { n: waiting.length })}</p>}
    </section>
  );
}

function AlarmLine({ alarm }: { alarm: Alarm }) {
  const words = useWords();
  const names = useNames();
  const session = useSession();
  const isDanger = DANGER.includes(alarm.kind);
  const load = alarm.subject.startsWith("load:") ? alarm.subject.slice("load:".length) : null;
  const room = /^room:([^/]+)/.exec(alarm.subject)?.[1] ?? null;
  const at = words.time(alarm.at);
  const me = session.is === "in" && ["inspector", "manager"].includes(session.who.role) ? session.who.name : null;
  return (
    <div className={isDanger ? "bar alarm danger" : "bar alarm"}>
      <p>
        <strong>{said(alarm, words, names)}</strong>{" "}
        <span>{alarm.lane === null ? words.t("alarm.nowhere", { at }) : words.t("alarm.where", { lane: alarm.lane, at })}</span>{" "}
        {isDanger && <span>{words.t("alarm.do")}</span>}
      </p>
      {room && <a {...follow(`/waste/rooms/${encodeURIComponent(room)}`)}>{words.t("alarm.room")}</a>}
      {load && <a {...follow(`/loads/${encodeURIComponent(load)}`)}>{words.t("alarm.load")}</a>}
      {me && (
        <button
          type="button"
          data-alarm
          onClick={() =>
            outbox.add({
              who: me,
              path: `/v1/alarms/${alarm.id}/acknowledgement`,
              body: {},
              ifMatch: null,
              text: "acknowledge",
              about: { alarm: String(alarm.id) },
            })
          }
        >
          {words.t("alarm.take", { name: plainName(me) })}
        </button>
      )}
    </div>
  );
}

function said(alarm: Alarm, words: Words, names: Names): string {
  const body = alarm.body as Record<string, string | undefined>;
  const stateKey = `camera.${body["state"]}`;
  const state = isTextKey(stateKey) ? words.t(stateKey) : (body["state"] ?? "");
  if (alarm.kind === "hazard") return words.t("alarm.hazard", { what: names.class(body["class"] ?? "", words.language) });
  if (alarm.kind === "radiation") return words.t("alarm.radiation", { device: body["device"] ?? "" });
  if (alarm.kind === "camera.lost") return words.t("alarm.camera", { camera: body["camera"] ?? "", state });
  if (alarm.kind === "load.unwatched") return words.t("alarm.unwatched");
  if (alarm.kind === "scale.lost") return words.t("alarm.scale", { device: body["device"] ?? "", state });
  if (alarm.kind === "room.limit" || alarm.kind === "room.silent") {
    const quantity = `quantity.${body["quantity"]}`;
    const what = isTextKey(quantity) ? words.t(quantity) : (body["quantity"] ?? "");
    return words.t(alarm.kind === "room.limit" ? "alarm.roomLimit" : "alarm.roomSilent", { room: body["room"] ?? "", what });
  }
  return words.t("alarm.other", { kind: alarm.kind });
}

function Siren() {
  const words = useWords();
  const [isSilent, allow] = useSiren();
  if (!isSilent) return null;
  return (
    <button type="button" className="bar alarm danger" onClick={allow}>
      {words.t("alarm.silent")}
    </button>
  );
}
