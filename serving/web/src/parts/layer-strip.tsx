import { place } from "../api.ts";
import { useNames } from "../names.ts";
import { layerNumber } from "../numbers.ts";
import { useWords } from "../show.ts";
import type { Layer } from "./mixes.tsx";

const THUMBNAIL_PX = 192;

interface Strip {
  load: string;
  version: number;
  standard: string;
  layers: Layer[];
  chosen: number;
  onChoose: (index: number) => void;
}

/** The layers in the order in which they came to light: picture, mix, and whether there is danger. */
export function LayerStrip({ load, version, standard, layers, chosen, onChoose }: Strip) {
  const words = useWords();
  return (
    <ol className="strip" aria-label={words.t("load.layers")}>
      {layers.map((layer) => (
        <li key={layer.index}>
          <button
            type="button"
            aria-pressed={layer.index === chosen}
            className={layer.hazards.length > 0 ? "danger" : ""}
            onClick={() => onChoose(layer.index)}
          >
            <img
              src={place("/v1/loads/{load}/layers/{index}/frame", { load, index: layer.index }, { version, width: THUMBNAIL_PX })}
              alt=""
              loading="lazy"
            />
            <LayerGrades layer={layer} standard={standard} />
            <span>
              {words.t("load.layer", { n: layerNumber(layer.index) })}
              {layer.hazards.length > 0 && <em>{words.t("load.danger")}</em>}
            </span>
          </button>
        </li>
      ))}
    </ol>
  );
}

/** The mix of a layer as a bar. */
export function LayerGrades({ layer, standard }: { layer: Layer; standard: string }) {
  const names = useNames();
  let x = 0;
  return (
    <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
      {Object.entries(layer.grades).map(([code, share]) => {
        const rect = <rect key={code} x={x} width={100 * share} height="6" fill={names.gradeColour(standard, code)} />;
        x += 100 * share;
        return rect;
      })}
    </svg>
  );
}
