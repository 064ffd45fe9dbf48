import { type ReactNode, useState } from "react";
import { type Shape } from "../api.ts";
import { Bars } from "../parts/bars.tsx";
import { CsvButton } from "../parts/csv-button.tsx";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { useWords } from "../show.ts";
import type { Loaded } from "../use-loaded.ts";

interface Chart {
  title: string;
  bars: { name: string; value: Shape<"Measure"> | null }[];
  /** What the scale reaches to at least. */
  reach: number;
  write: (value: number) => string;
}

interface Section {
  title: string;
  loaded: Loaded<unknown>;
  /** What is said where there is no row. */
  none: string;
  head: string[];
  rows: ReactNode[][];
  /** The charts of the table, of which one is shown at a time. */
  charts: Chart[];
  hint: string;
  csv: { url: string; name: string };
  children?: ReactNode;
}

/** Figures of one kind: a table, one of its columns as a chart, what they do not say, and all of it as a file. */
export function Section({ title, loaded, none, head, rows, charts, hint, csv, children }: Section) {
  const words = useWords();
  const [chosen, setChosen] = useState(0);
  const chart = charts[chosen] ?? charts[0];
  return (
    <section className="card">
      <h2>{title}</h2>
      {children}
      {loaded.failed && <Failed why={loaded.failed} again={loaded.again} />}
      {loaded.value !== null && rows.length === 0 && <p className="empty">{none}</p>}
      {rows.length > 0 && (
        <div className="beside">
          <Rows head={head} figures={head.map((_, at) => at).slice(1)} rows={rows.map((cells) => ({ key: String(cells[0]), cells }))} />
          {chart && (
            <div>
              {charts.length > 1 && (
                <label>
                  {words.t("figures.chart")}
                  <select value={charts.indexOf(chart)} onChange={(event) => setChosen(Number(event.target.value))}>
                    {charts.map((one, at) => (
                      <option key={one.title} value={at}>
                        {one.title}
                      </option>
                    ))}
                  </select>
                </label>
              )}
              <Bars {...chart} />
            </div>
          )}
        </div>
      )}
      <p className="hint">{hint}</p>
      <CsvButton {...csv} />
    </section>
  );
}
