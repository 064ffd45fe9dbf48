// What goes out: the report of a period over all plants, and the whole ledger as files.
import { type FormEvent, type ReactNode, useState } from "react";
import { place, read, type Shape } from "../api.ts";
import { CsvButton } from "../parts/csv-button.tsx";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { go } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Calendar } from "./calendar.tsx";
import { quick, type Span, spanOf } from "./periods.ts";
import { kilograms, placeName } from "./places.ts";
import { mayCorrect, mayReport } from "./roles.ts";
import { TakeOver } from "./take-over.tsx";
import { useRooms } from "./use-rooms.ts";

const PARTS = ["produced", "treated", "handed_over", "stock"] as const;
// The tables of the ledger, by the names that the service gives them.
const TABLES = ["产生", "入库", "出库", "自行利用处置", "委外利用处置", "internal", "balance", "stock"] as const;

export function ReportsPage({ query }: { query: URLSearchParams }) {
  const words = useWords();
  const me = useMe();
  const isReader = mayReport(me);
  const span = spanOf(query.get("since"), query.get("until"), new Date());
  return (
    <>
      <h1>{words.t("waste.reports.title")}</h1>
      {isReader && (
        <>
          <Period key={query.toString()} span={span} />
          <Report span={span} />
          <Calendar />
        </>
      )}
      <Files />
      {mayCorrect(me) && <TakeOver />}
    </>
  );
}

function show(span: Span): void {
  go(place("/waste/reports", {}, { since: span.since, until: span.until }));
}

function Period({ span }: { span: Span }) {
  const words = useWords();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    show({ since: String(given.get("since")), until: String(given.get("until")) });
  };
  return (
    <>
      <div className="filters">
        {quick(new Date()).map(({ name, span: one }) => (
          <button key={name} type="button" aria-pressed={one.since === span.since && one.until === span.until} onClick={() => show(one)}>
            {words.t(`waste.period.${name}`)}
          </button>
        ))}
      </div>
      <form className="period" onSubmit={submit}>
        {(["since", "until"] as const).map((end) => (
          <label key={end}>
            {words.t(`waste.reports.${end}`)}
            <input type="date" name={end} defaultValue={span[end]} required />
          </label>
        ))}
        <button>{words.t("figures.show")}</button>
      </form>
    </>
  );
}

/** The moments of a span: from the first of its days here until the last has ended. */
function asked(span: Span): { from: string; to: string } {
  const from = new Date(`${span.since}T00:00`);
  const to = new Date(`${span.until}T00:00`);
  to.setDate(to.getDate() + 1);
  return { from: from.toISOString(), to: to.toISOString() };
}

function Report({ span }: { span: Span }) {
  const words = useWords();
  const { value, failed, again } = useLoaded(`report ${span.since} ${span.until}`, () => read("/v1/waste/report.json", {}, asked(span)));
  return (
    <>
      {failed && <Failed why={failed} again={again} />}
      {!value && !failed && <p role="status">{words.t("net.loading")}</p>}
      {value && (
        <>
          {PARTS.map((what) => (
            <Part key={what} what={what} rows={value.rows.filter((row) => row.what === what)} />
          ))}
          {value.recovered.length > 0 && <RecoveredPart rows={value.recovered} />}
          <p className="hint">{words.t("waste.reports.limits")}</p>
          <p className="papers card">
            <a href={place("/v1/waste/report.xlsx", {}, asked(span))} download={`waste-${span.since}-${span.until}.xlsx`}>
              {words.t("waste.reports.reportXlsx")}
            </a>
            <CsvButton url={place("/v1/waste/report.csv", {}, asked(span))} name={`waste-${span.since}-${span.until}`} />
          </p>
        </>
      )}
    </>
  );
}

type Column = "waste" | "unit" | "from" | "to" | "room" | "how" | "mass";
// What is produced has no way of treatment yet, and what stands here goes nowhere.
const COLUMNS: Record<(typeof PARTS)[number], Column[]> = {
  produced: ["waste", "unit", "from", "to", "mass"],
  treated: ["waste", "unit", "from", "to", "how", "mass"],
  handed_over: ["waste", "unit", "from", "to", "how", "mass"],
  stock: ["waste", "unit", "from", "room", "mass"],
};

function Part({ what, rows }: { what: (typeof PARTS)[number]; rows: Shape<"ReportRow">[] }) {
  const words = useWords();
  const rooms = useRooms();
  const producers = useLoaded("producers", () => read("/v1/waste/producers")).value?.producers ?? [];
  const total = rows.reduce((sum, { grams }) => sum + grams, 0);
  const columns = COLUMNS[what];
  const cell = (row: Shape<"ReportRow">, column: Column): ReactNode => {
    switch (column) {
      case "waste":
        return (
          <>
            {row.name} <small>{row.code}</small>
          </>
        );
      case "unit":
        return producers.find(({ unit }) => unit === row.unit)?.name ?? row.unit;
      case "from":
        return row.from ? placeName(row.from, rooms, words) : "–";
      case "to":
      case "room":
        return row.to ? placeName(row.to, rooms, words) : "–";
      case "how":
        return row.how || "–";
      case "mass":
        return kilograms(row.grams, words);
    }
  };
  return (
    <section className="card">
      <h2>
        {words.t(`waste.reports.${what}`)} <small>{kilograms(total, words)}</small>
      </h2>
      {rows.length === 0 && <p>{words.t("waste.reports.nothing")}</p>}
      {rows.length > 0 && (
        <Rows
          head={columns.map((name) => words.t(`waste.column.${name}`))}
          figures={[columns.length - 1]}
          rows={rows.map((row, at) => ({ key: String(at), cells: columns.map((column) => cell(row, column)) }))}
        />
      )}
    </section>
  );
}

/** What was recovered, beside an estimate that says that it is one. */
function RecoveredPart({ rows }: { rows: Shape<"RecoveredShown">[] }) {
  const words = useWords();
  const whole = (text: string | number): string => words.number(Number(text), 0);
  return (
    <section className="card">
      <h2>
        {words.t("waste.recovered.title")} <small>{words.t("waste.recovered.estimate")}</small>
      </h2>
      <p className="hint">{words.t("waste.recovered.hint")}</p>
      <Rows
        head={(["waste", "mass", "factor", "avoided"] as const).map((name) => words.t(`waste.column.${name}`))}
        figures={[1, 3]}
        rows={rows.map(({ list, code, name, grams, factor, avoided_kg }) => ({
          key: `${list} ${code} ${name}`,
          cells: [
            <>
              {name} <small>{code}</small>
            </>,
            kilograms(grams, words),
            factor === null ? (
              words.t("waste.recovered.none")
            ) : (
              <>
                {words.t("waste.recovered.factor", { kind: factor.kind, n: whole(factor.kg_per_t), low: whole(factor.low), high: whole(factor.high) })}{" "}
                <small>{`${factor.source}, ${factor.edition}`}</small>
              </>
            ),
            avoided_kg === null ? (
              "–"
            ) : (
              <>
                {words.t("unit.kg", { n: whole(avoided_kg.likely) })} <small>{`${whole(avoided_kg.low)} … ${whole(avoided_kg.high)}`}</small>
              </>
            ),
          ],
        }))}
      />
    </section>
  );
}

function Files() {
  const words = useWords();
  const [table, setTable] = useState<(typeof TABLES)[number]>("balance");
  return (
    <section className="card">
      <h2>{words.t("waste.reports.files")}</h2>
      <p className="papers">
        <a href="/v1/waste/ledger.xlsx" download="ledger.xlsx">
          {words.t("waste.reports.xlsx")}
        </a>
      </p>
      <div className="period">
        <label>
          {words.t("waste.reports.table")}
          <select value={table} onChange={(event) => setTable(event.target.value as (typeof TABLES)[number])}>
            {TABLES.map((one) => (
              <option key={one} value={one}>
                {words.t(`waste.table.${one}`)}
              </option>
            ))}
          </select>
        </label>
        <CsvButton url={place("/v1/waste/ledger.csv", {}, { table })} name={table} />
      </div>
      <p className="hint">{words.t("waste.reports.epcis")}</p>
    </section>
  );
}
