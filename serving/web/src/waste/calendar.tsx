// What the plants have to plan and report next, by the class of producer that the ledger says they are of.
import { place, read, type Shape } from "../api.ts";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { follow } from "../route.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { offsetHere, spanBetween, written } from "./periods.ts";
import { kilograms } from "./places.ts";

const NEXT = 3;

export function Calendar() {
  const words = useWords();
  const today = new Date();
  const { value, failed, again } = useLoaded(`calendar ${written(today)}`, async () => {
    const asked = { year: today.getFullYear(), offset: offsetHere(), due_from: written(today) };
    return (await read("/v1/waste/calendar", {}, asked))?.plants ?? [];
  });
  return (
    <section className="card">
      <h2>{words.t("waste.calendar.title")}</h2>
      <p className="hint">{words.t("waste.calendar.hint")}</p>
      {failed && <Failed why={failed} again={again} />}
      {value?.length === 0 && <p>{words.t("waste.calendar.none")}</p>}
      {value?.map((plant) => (
        <Plant key={plant.unit} plant={plant} />
      ))}
    </section>
  );
}

function Plant({ plant }: { plant: Shape<"PlantCalendar"> }) {
  const words = useWords();
  const producers = useLoaded("producers", () => read("/v1/waste/producers")).value?.producers ?? [];
  const later = plant.due.slice(NEXT);
  const grams = Object.entries(plant.produced_grams).map(([year, mass]) => words.t("waste.calendar.year", { year, mass: kilograms(mass, words) }));
  return (
    <>
      <h3>{producers.find(({ unit }) => unit === plant.unit)?.name ?? plant.unit}</h3>
      <p>
        {words.t(`waste.calendar.${plant.class}`)} <small>{grams.join(words.t("waste.calendar.and"))}</small>
      </p>
      {plant.holds_permit && <p>{words.t("waste.calendar.permit")}</p>}
      <DueRows due={plant.due.slice(0, NEXT)} />
      {later.length > 0 && (
        <details>
          <summary>{words.t("waste.calendar.later", { n: later.length })}</summary>
          <DueRows due={later} />
        </details>
      )}
    </>
  );
}

function DueRows({ due }: { due: Shape<"DueShown">[] }) {
  const words = useWords();
  return (
    <Rows
      head={(["due", "about", "by"] as const).map((name) => words.t(`waste.column.${name}`))}
      rows={due.map(({ what, period, from, to, by }) => ({
        key: `${what} ${period}`,
        cells: [
          words.t(`waste.calendar.${what}`),
          what === "plan" ? period : <a {...follow(place("/waste/reports", {}, { ...spanBetween(from, to) }))}>{period}</a>,
          <time dateTime={by}>{words.day(by)}</time>,
        ],
      }))}
    />
  );
}
