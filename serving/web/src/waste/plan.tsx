// The plan of the store rooms: how full each is, what is amiss in it, and what stands outside of all of them.
import { useEffect } from "react";
import { read, type Shape } from "../api.ts";
import { onHappening } from "../events.ts";
import { Failed } from "../parts/failed.tsx";
import { follow } from "../route.ts";
import { useWords } from "../show.ts";
import { isTextKey } from "../texts.ts";
import { useLoaded } from "../use-loaded.ts";
import { Fill } from "./fill.tsx";
import { placeName, readRooms, roughly } from "./places.ts";

const FLAGS_SHOWN = 2;
const LOOK_EVERY_MS = 30_000;

export function PlanPage() {
  const words = useWords();
  const { value, failed, again } = useLoaded("rooms", readRooms);
  const stock = useLoaded("stock", () => read("/v1/waste/stock"));
  const lookAgain = stock.again;
  useEffect(() => {
    const look = (): void => {
      again();
      lookAgain();
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    const stop = onHappening(({ kind }) => (kind.startsWith("alarm.") || kind === "stream.opened") && look());
    return () => {
      clearInterval(timer);
      stop();
    };
  }, [again, lookAgain]);
  const rooms = value?.rooms ?? [];
  const outside = outsideOfRooms(stock.value?.stock ?? []);
  return (
    <>
      <h1>
        {words.t("waste.plan.title")} {stock.value && <small>{words.t("waste.plan.onSite", { mass: roughly(stock.value.grams, words) })}</small>}
      </h1>
      {failed && <Failed why={failed} again={again} />}
      {value && rooms.length === 0 && <p className="empty">{words.t("waste.plan.none")}</p>}
      <ul className="rooms">
        {rooms.map((room) => (
          <RoomTile key={room.id} room={room} />
        ))}
      </ul>
      {(outside.length > 0 || (value?.of_no_room.length ?? 0) > 0) && (
        <section className="card">
          <h2>{words.t("waste.plan.outside")}</h2>
          <ul className="outside">
            {outside.map(([place, grams]) => (
              <li key={place}>
                <a {...follow(`/waste/ledger?by=container&place=${encodeURIComponent(place)}`)}>{placeName(place, rooms, words)}</a>{" "}
                <b>{roughly(grams, words)}</b>
              </li>
            ))}
            {value?.of_no_room.map((place) => (
              <li key={place} className="problem">
                {words.t("waste.plan.unknownRoom", { place })}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function outsideOfRooms(stock: Shape<"StockRow">[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const { place, grams } of stock) {
    if (!place.startsWith("room:")) sums.set(place, (sums.get(place) ?? 0) + grams);
  }
  return [...sums];
}

function RoomTile({ room }: { room: Shape<"RoomShort"> }) {
  const words = useWords();
  const codes = [...new Set(room.flags.map(({ code }) => code))];
  const state = room.open_alarms > 0 ? "alarmed" : codes.length > 0 ? "flagged" : "";
  return (
    <li className={state}>
      <a {...follow(`/waste/rooms/${encodeURIComponent(room.id)}`)}>
        <h2>
          {room.name} {room.name !== room.id && <small>{room.id}</small>}
        </h2>
        <Fill grams={room.grams} capacityKg={room.capacity_kg} />
        <p className="hint">{words.t("waste.containers", { n: room.containers })}</p>
        {room.open_alarms > 0 && <em>{words.t("waste.plan.alarms", { n: room.open_alarms })}</em>}
        {codes.slice(0, FLAGS_SHOWN).map((code) => {
          const key = `roomFlag.${code}`;
          return <strong key={code}>{isTextKey(key) ? words.t(key) : code}</strong>;
        })}
        {state === "" && <span className="well">{words.t("waste.plan.well")}</span>}
      </a>
    </li>
  );
}
