// What goes out: the report of a period over all plants, and the whole ledger as files.
import { type FormEvent, useState } from "react";
import { place, read, type Shape } from "../api.ts";
import { CsvButton } from "../parts/csv-button.tsx";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { go } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { quick, type Span, spanOf } from "./periods.ts";
import { kilograms } from "./places.ts";
import { mayCorrect, mayReport } from "./roles.ts";
import { TakeOver } from "./take-over.tsx";

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
            {words.t(`figures.${end}`)}
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
          <CsvButton url={place("/v1/waste/report.csv", {}, asked(span))} name={`waste-${span.since}-${span.until}`} />
          <p className="hint">{words.t("waste.reports.limits")}</p>
        </>
      )}
    </>
  );
}

function Part({ what, rows }: { what: (typeof PARTS)[number]; rows: Shape<"ReportRow">[] }) {
  const words = useWords();
  const total = rows.reduce((sum, { grams }) => sum + grams, 0);
  return (
    <section className="card">
      <h2>
        {words.t(`waste.reports.${what}`)} <small>{kilograms(total, words)}</small>
      </h2>
      {rows.length === 0 && <p>{words.t("waste.reports.nothing")}</p>}
      {rows.length > 0 && (
        <Rows
          head={(["waste", "unit", "from", "to", "how", "mass"] as const).map((name) => words.t(`waste.column.${name}`))}
          figures={[5]}
          rows={rows.map((row, at) => ({
            key: String(at),
            cells: [
              <>
                {row.name} <small>{row.code}</small>
              </>,
              row.unit,
              row.from || "–",
              row.to || "–",
              row.how || "–",
              kilograms(row.grams, words),
            ],
          }))}
        />
      )}
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
