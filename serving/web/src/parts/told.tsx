// What was seen under the pointer: the likeliest classes of that cell, and how likely each is.
import { read, whyOf } from "../api.ts";
import type { Point } from "../draw.ts";
import { useNames } from "../names.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { whySaid } from "../why.ts";

interface Place {
  load: string;
  version: number;
  layer: number;
  at: Point;
}

export function Told({ load, version, layer, at: [x, y] }: Place) {
  const words = useWords();
  const names = useNames();
  const params = { load_id: load, index: layer };
  const { value: map, failed } = useLoaded(`map ${load} ${version} ${layer}`, () => read("/v1/loads/{load_id}/layers/{index}/map", params, { version }));
  if (failed) return <p className="told">{whySaid(whyOf(failed), words)}</p>;
  if (!map) return <p className="told">{words.t("net.loading")}</p>;
  const column = Math.min(map.columns - 1, Math.floor(x / map.cell[0]));
  const row = Math.min(map.rows - 1, Math.floor(y / map.cell[1]));
  const cell = row * map.columns + column;
  const seen = map.classes
    .map((plane, rank) => ({ id: map.class_ids[plane[cell]!]!, percent: map.percent[rank]![cell]! }))
    .filter(({ percent }) => percent > 0);
  return (
    <p className="told">
      {seen.map(({ id, percent }, rank) => (
        <span key={id} className={rank === 0 ? "first" : ""}>
          {names.class(id, words.language)} {words.percent(percent / 100, 0)}
        </span>
      ))}
      {map.counted_percent[cell]! < 1 && <span>{words.t("load.notCounted")}</span>}
    </p>
  );
}
