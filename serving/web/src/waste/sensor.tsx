// What a sensor said over time: the band from lowest to highest, its limits as lines, and every gap as a gap.
import type { Shape } from "../api.ts";
import { Sentence } from "../parts/sentence.tsx";
import { useWords } from "../show.ts";
import { isTextKey, type Words } from "../texts.ts";

const WIDTH = 480;
const HEIGHT = 90;
// The thinnest band that is still seen.
const THIN = 1.5;

interface Said {
  sensor: Shape<"SensorShown">;
  from: string;
  to: string;
  /** How long a step is. */
  stepS: number;
}

export function Sensor({ sensor, from, to, stepS }: Said) {
  const words = useWords();
  const key = `quantity.${sensor.quantity}`;
  const name = isTextKey(key) ? words.t(key) : sensor.quantity;
  const broken = sensor.limits.find((limit) => limit.broken !== null)?.broken ?? null;
  const silent = sensor.gaps === null ? 0 : sensor.gaps.reduce((sum, gap) => sum + Date.parse(gap.to) - Date.parse(gap.from), 0);
  const share = silent / (Date.parse(to) - Date.parse(from));
  return (
    <figure className="sensor">
      <figcaption>
        <h3>
          {name} {sensor.device && <small>{sensor.device}</small>}
        </h3>
        {sensor.latest && sensor.latest.value !== null ? (
          <p className={broken ? "problem" : ""}>
            <b>{withUnit(words.number(sensor.latest.value, 2), sensor.unit)}</b> <small>{words.moment(sensor.latest.at)}</small>
          </p>
        ) : (
          <p className="problem">{words.t("waste.sensor.nothing")}</p>
        )}
      </figcaption>
      <Chart sensor={sensor} from={from} to={to} stepS={stepS} />
      <p className="hint">
        {sensor.limits.map((limit) => limitText(limit, sensor.unit, words)).join(" · ") || words.t("waste.sensor.noLimit")}
        {" · "}
        {sensor.gaps === null ? words.t("waste.sensor.gapsUnknown") : words.t("waste.sensor.gaps", { n: sensor.gaps.length, share: words.percent(share) })}
      </p>
      {broken && (
        <p className="problem">
          <Sentence code="waste" why={broken} />
        </p>
      )}
    </figure>
  );
}

function withUnit(value: string, unit: string): string {
  if (unit === "1") return value;
  return unit === "C" ? `${value} °C` : `${value} ${unit}`;
}

function limitText({ low, high }: Shape<"LimitShown">, unit: string, words: Words): string {
  if (low === null) return words.t("waste.sensor.atMost", { high: withUnit(high ?? "", unit) });
  if (high === null) return words.t("waste.sensor.atLeast", { low: withUnit(low, unit) });
  return words.t("waste.sensor.between", { low, high: withUnit(high, unit) });
}

function Chart({ sensor, from, to, stepS }: Said) {
  const words = useWords();
  const [begin, end] = [Date.parse(from), Date.parse(to)];
  const steps = sensor.steps.filter((step) => step.low !== null && step.high !== null);
  const marks = sensor.limits.flatMap(({ low, high }) => [low, high].filter((mark) => mark !== null).map(Number));
  const ends = [...steps.flatMap(({ low, high }) => [low!, high!]), ...marks];
  const least = Math.min(...ends);
  const margin = (Math.max(...ends) - least || 1) * 0.1;
  const x = (at: string): number => (WIDTH * (Date.parse(at) - begin)) / (end - begin);
  const y = (value: number): number => HEIGHT - (HEIGHT * (value - least + margin)) / (Math.max(...ends) - least + 2 * margin);
  const stepWidth = (WIDTH * stepS * 1000) / (end - begin);
  const gaps = sensor.gaps ?? [];
  return (
    <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={words.t("waste.sensor.chart", { n: gaps.length })}>
      <defs>
        <pattern id="gap" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <line y2="6" className="hatch" />
        </pattern>
      </defs>
      {gaps.map((gap) => (
        <rect key={gap.from} className="gap" fill="url(#gap)" x={x(gap.from)} width={Math.max(1, x(gap.to) - x(gap.from))} height={HEIGHT} />
      ))}
      {steps.map((step) => (
        <rect
          key={step.from}
          className="said"
          x={x(step.from)}
          width={stepWidth}
          y={y(step.high!) - THIN / 2}
          height={Math.max(THIN, y(step.low!) - y(step.high!))}
        />
      ))}
      {marks.map((mark, at) => (
        <line key={at} className="limit" x2={WIDTH} y1={y(mark)} y2={y(mark)} />
      ))}
    </svg>
  );
}
