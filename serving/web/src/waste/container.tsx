// One container: what it holds and where, its label, and everything that was ever entered about it.
import { useEffect } from "react";
import { place, read } from "../api.ts";
import { outbox } from "../decisions.ts";
import { Failed } from "../parts/failed.tsx";
import { plainName } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Entries, undoneBy } from "./entries.tsx";
import { LabelPaper } from "./label-paper.tsx";
import { Move } from "./move.tsx";
import { kilograms, placeName } from "./places.ts";
import { Repack } from "./repack.tsx";
import { useRooms } from "./use-rooms.ts";

export function ContainerPage({ identity }: { identity: string }) {
  const words = useWords();
  const { value, failed, again } = useLoaded(`container ${identity}`, () => read("/v1/waste/containers/{identity}", { identity }));
  const rooms = useRooms();
  useEffect(() => outbox.onDone(again), [again]);
  if (!value) return failed ? <Failed why={failed} again={again} /> : <p role="status">{words.t("net.loading")}</p>;
  const places = Object.entries(value.grams);
  return (
    <>
      {/* What is being entered below stays, also where reading anew failed. */}
      {failed && <Failed why={failed} again={again} />}
      <h1>
        {value.name} <small>{value.code}</small>
      </h1>
      <div className="beside container">
        <div>
          <section className="card">
            <h2>{words.t("waste.container.where")}</h2>
            {places.length === 0 && <p>{words.t("waste.notOnSite")}</p>}
            <ul>
              {places.map(([at, grams]) => (
                <li key={at}>
                  {placeName(at, rooms, words)} <b>{kilograms(grams, words)}</b>
                </li>
              ))}
            </ul>
            {places.length === 1 && <Move code={identity} container={identity} stands={places.map(([at]) => at)} />}
            {places.length === 1 && <Repack container={identity} at={places[0]![0]} grams={places[0]![1]} />}
            {places.length > 1 && <p className="hint">{words.t("waste.move.parts")}</p>}
            <dl className="pairs">
              <dt>{words.t("waste.container.list")}</dt>
              <dd>
                {words.t(`waste.list.${value.list}` as "waste.list.eu-low")} {value.edition}
              </dd>
              <dt>{words.t("waste.container.litres")}</dt>
              <dd>{words.t("unit.litres", { n: words.number(Number(value.litres), 1) })}</dd>
              <dt>{words.t("waste.container.confirmed")}</dt>
              <dd>
                {plainName(value.confirmed_by)}, {words.moment(value.registered_at)}{" "}
                {words.t(value.identification ? "waste.container.photo" : "waste.container.noPhoto")}
              </dd>
            </dl>
          </section>
          <section className="card">
            <h2>{words.t("waste.container.history")}</h2>
            <Entries entries={value.history.toReversed()} rooms={rooms} takenBack={undoneBy(value.history)} />
            <p className="papers">
              <a href={place("/v1/waste/containers/{identity}/epcis.json", { identity })} download={`${identity}.json`}>
                {words.t("waste.container.epcis")}
              </a>
            </p>
          </section>
        </div>
        <section className="card">
          <h2>{words.t("waste.container.label")}</h2>
          <LabelPaper identity={identity} />
        </section>
      </div>
    </>
  );
}
