import type { Shape } from "../api.ts";

interface Bar {
  name: string;
  value: Shape<"Measure"> | null;
}

interface Bars {
  title: string;
  bars: Bar[];
  /** What the scale reaches to at least: one, where a value is a part of one. */
  reach: number;
  write: (value: number) => string;
}

/** What stands where there is nothing to count. */
export const NOTHING = "–";
const WIDTH = 100;
const HEIGHT = 10;

/** One bar for each row, from nothing to its value, with a line over it from end to end of its interval. */
export function Bars({ title, bars, reach, write }: Bars) {
  const ends = bars.flatMap(({ value }) => (value ? [value.value, value.low ?? value.value, value.high ?? value.value] : []));
  const least = Math.min(0, ...ends);
  const most = Math.max(reach, 0, ...ends);
  const x = (value: number): number => (WIDTH * (value - least)) / (most - least || 1);
  return (
    <figure className="chart">
      <figcaption>{title}</figcaption>
      <ol>
        {bars.map(({ name, value }) => (
          <li key={name}>
            <span>{name}</span>
            <b>{value ? write(value.value) : NOTHING}</b>
            <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
              {value && (
                <rect x={x(Math.min(0, value.value))} width={Math.abs(x(value.value) - x(0))} height={HEIGHT} />
              )}
              {value && value.low !== null && value.high !== null && (
                <line x1={x(value.low)} x2={x(value.high)} y1={HEIGHT / 2} y2={HEIGHT / 2} />
              )}
              <line className="zero" x1={x(0)} x2={x(0)} y2={HEIGHT} />
            </svg>
          </li>
        ))}
      </ol>
      <p className="scale" aria-hidden="true">
        <span>{write(least)}</span>
        <span>{write(most)}</span>
      </p>
    </figure>
  );
}
