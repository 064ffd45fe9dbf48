// One store room: what stands in it and where, what its sensors say with their limits and gaps, and its alarms.
import { useEffect } from "react";
import { read, type Shape } from "../api.ts";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { onHappening } from "../events.ts";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { Sentence } from "../parts/sentence.tsx";
import { follow } from "../route.ts";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { isTextKey } from "../texts.ts";
import { useLoaded } from "../use-loaded.ts";
import { Fill } from "./fill.tsx";
import { kilograms } from "./places.ts";
import { mayAct } from "./roles.ts";
import { Sensor } from "./sensor.tsx";

const HOURS = [24, 168, 744] as const;
const LOOK_EVERY_MS = 30_000;

type Room = Shape<"RoomShown">;

export function RoomPage({ id, query }: { id: string; query: URLSearchParams }) {
  const words = useWords();
  const hours = HOURS.find((one) => String(one) === query.get("hours")) ?? HOURS[0];
  const { value, failed, again } = useLoaded(`room ${id} ${hours}`, () => read("/v1/rooms/{room}", { room: id }, { hours }));
  useEffect(() => {
    const timer = setInterval(again, LOOK_EVERY_MS);
    const stop = onHappening(({ kind, subject }) => (subject.startsWith(`room:${id}/`) || kind === "stream.opened") && again());
    return () => {
      clearInterval(timer);
      stop();
    };
  }, [id, again]);
  useEffect(() => outbox.onDone(again), [again]);
  return (
    <>
      <a className="back" {...follow("/waste")}>
        {words.t("waste.room.back")}
      </a>
      {failed && <Failed why={failed} again={again} />}
      {!value && !failed && <p role="status">{words.t("net.loading")}</p>}
      {value && (
        <>
          <h1>
            {value.name} {value.name !== value.id && <small>{value.id}</small>}
          </h1>
          <div className="beside room">
            <div>
              <Stock room={value} />
              <Alarms alarms={value.alarms} />
            </div>
            <section className="card">
              <h2>{words.t("waste.room.sensors")}</h2>
              <nav className="filters" aria-label={words.t("waste.room.howFar")}>
                {HOURS.map((one) => (
                  <a
                    key={one}
                    {...follow(`/waste/rooms/${encodeURIComponent(id)}?hours=${one}`)}
                    aria-current={one === hours ? "true" : undefined}
                  >
                    {words.t(`waste.hours.${one}`)}
                  </a>
                ))}
              </nav>
              {value.sensors.length === 0 && <p className="empty">{words.t("waste.room.noSensors")}</p>}
              {value.sensors.map((sensor) => (
                <Sensor key={`${sensor.quantity} ${sensor.device}`} sensor={sensor} from={value.from} to={value.to} stepS={value.step_s} />
              ))}
            </section>
          </div>
        </>
      )}
    </>
  );
}

function Stock({ room }: { room: Room }) {
  const words = useWords();
  const zoneOf = (place: string): string | undefined => place.split("/")[1];
  const inZone = (zone: string): number => room.stock.filter(({ place }) => zoneOf(place) === zone).reduce((sum, { grams }) => sum + grams, 0);
  return (
    <section className="card">
      <h2>{words.t("waste.room.stock")}</h2>
      <Fill grams={room.grams} capacityKg={room.capacity_kg} />
      <ul className="flags">
        {room.flags.map((flag) => {
          const key = `roomFlag.${flag.code}`;
          return (
            <li key={flag.code + flag.why} className="review">
              <strong>{isTextKey(key) ? words.t(key) : flag.code}</strong> <Sentence code={flag.code} why={flag.why} />
              {!flag.verified && <span>{words.t("waste.unverified")}</span>}
            </li>
          );
        })}
      </ul>
      {Object.entries(room.zones).map(([zone, about]) => (
        <div key={zone} className="zone">
          <h3>{words.t("waste.room.zone", { zone })}</h3>
          <Fill grams={inZone(zone)} capacityKg={about.capacity_kg} />
        </div>
      ))}
      {room.stock.length === 0 && <p className="empty">{words.t("waste.room.empty")}</p>}
      {room.stock.length > 0 && (
        <Rows
          head={(["container", "waste", "zone", "mass", "since"] as const).map((name) => words.t(`waste.column.${name}`))}
          figures={[3]}
          rows={room.stock.map((held) => ({
            key: `${held.container} ${held.place}`,
            cells: [
              <a {...follow(`/waste/containers/${encodeURIComponent(held.container)}`)}>{held.container}</a>,
              <>
                {held.name} <small>{held.code}</small>
              </>,
              zoneOf(held.place) ?? "–",
              kilograms(held.grams, words),
              words.moment(held.since),
            ],
          }))}
        />
      )}
    </section>
  );
}

function Alarms({ alarms }: { alarms: Shape<"AlarmShown">[] }) {
  const words = useWords();
  const me = useMe();
  const entries = useOutbox();
  return (
    <section className="card">
      <h2>{words.t("waste.room.alarms")}</h2>
      {alarms.length === 0 && <p>{words.t("waste.room.noAlarms")}</p>}
      <ul className="history">
        {alarms.map((alarm) => {
          const body = alarm.body as Record<string, string | undefined>;
          const quantity = `quantity.${body["quantity"]}`;
          const what = isTextKey(quantity) ? words.t(quantity) : (body["quantity"] ?? "");
          const about = { alarm: String(alarm.id) };
          return (
            <li key={alarm.id} className={alarm.acknowledged ? "" : "waits"}>
              <strong>{words.t(alarm.kind === "room.silent" ? "waste.room.silent" : "waste.room.limit", { what })}</strong>{" "}
              {body["why"] && <Sentence code="waste" why={body["why"]} />}
              <small>{words.moment(alarm.at)}</small>
              {alarm.acknowledged && (
                <small>{words.t("waste.room.taken", { who: alarm.acknowledged.by, at: words.moment(alarm.acknowledged.at) })}</small>
              )}
              {!alarm.acknowledged && mayAct(me) && !isUnderway(entries, "acknowledge", about) && (
                <button
                  type="button"
                  onClick={() =>
                    outbox.add({ who: me!.name, path: `/v1/alarms/${alarm.id}/acknowledgement`, body: {}, ifMatch: null, text: "acknowledge", about })
                  }
                >
                  {words.t("alarm.take", { name: plainName(me!.name) })}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
