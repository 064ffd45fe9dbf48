import { useWords } from "../show.ts";
import { roughly } from "./places.ts";

/** How full a room or zone is: what stands in it of what may. */
export function Fill({ grams, capacityKg }: { grams: number; capacityKg: string | null }) {
  const words = useWords();
  const held = roughly(grams, words);
  if (capacityKg === null) return <p className="fill">{words.t("waste.held", { held })}</p>;
  const share = grams / (Number(capacityKg) * 1000);
  const capacity = roughly(Number(capacityKg) * 1000, words);
  return (
    <div className={share > 1 ? "fill over" : "fill"}>
      <p>
        {words.t("waste.heldOf", { held, capacity })} <b>{words.percent(share, 0)}</b>
      </p>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        <rect width={Math.min(100, 100 * share)} height="6" />
      </svg>
    </div>
  );
}
