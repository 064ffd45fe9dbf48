import { place, type Query, read, type Shape } from "../api.ts";
import { before } from "../figures.ts";
import { useNames } from "../names.ts";
import { isTextKey } from "../texts.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { Period } from "./period.tsx";
import { Section } from "./section.tsx";
import { Figure } from "./figure.tsx";

interface Drift {
  period: Query;
  reference: Query;
  camera: string | null;
  /** Show the same with something else asked. */
  onAsk: (change: Query) => void;
}

/** Whether what the machine sees moves: a period held against another, all cameras or one. */
export function DriftFigures({ period, reference, camera, onAsk }: Drift) {
  const words = useWords();
  const names = useNames();
  // Without one it is the same number of days before.
  const against = reference["since"] || reference["until"] ? reference : before(period);
  const asked = { ...period, reference_since: against["since"], reference_until: against["until"], camera };
  const loaded = useLoaded(`drift ${JSON.stringify(asked)}`, () => read("/v1/figures/drift", {}, asked));
  const found = loaded.value;
  const moves = [...(found?.moves ?? [])].sort((one, other) => rank(other) - rank(one));
  const moved = moves.filter((move) => move.has_moved).length;
  const name = (move: Shape<"MoveShown">): string => {
    if (move.kind === "form") return names.class(move.name, words.language);
    const key = `figures.drift.${move.name}`;
    const flag = `flag.${move.name}`;
    return isTextKey(key) ? words.t(key) : isTextKey(flag) ? words.t("figures.drift.picture", { what: words.t(flag) }) : move.name;
  };
  const percent = (part: number): string => words.percent(part, 1);
  const another = found && found.models.join() !== found.reference_models.join();
  return (
    <Section
      title={words.t("figures.of.drift")}
      loaded={loaded}
      none={words.t("figures.noDrift")}
      head={(["measure", "before", "nowSeen", "moved", "verdict"] as const).map((one) => words.t(`figures.${one}`))}
      rows={moves.map((move) => [
        name(move),
        <Figure key="before" found={move.reference} write={percent} />,
        <Figure key="now" found={move.now} write={percent} />,
        <Figure key="moved" found={move.difference} write={(part) => signed(part, percent)} />,
        words.t(move.has_moved === null ? "figures.tooFew" : move.has_moved ? "figures.hasMoved" : "figures.hasNotMoved"),
      ])}
      charts={[
        {
          title: words.t("figures.moved"),
          bars: moves.map((move) => ({ name: name(move), value: move.difference })),
          reach: 0,
          write: (part: number) => signed(part, percent),
        },
      ]}
      hint={words.t("figures.driftLimits")}
      csv={{ url: place("/v1/figures/drift", {}, asked), name: "drift" }}
    >
      <Period key={JSON.stringify(against)} names={["beforeSince", "beforeUntil"]} period={against} onPeriod={(chosen) => onAsk({ before_since: chosen["since"], before_until: chosen["until"] })} />
      {found && found.cameras.length > 0 && (
        <label className="narrow">
          {words.t("figures.by.camera")}
          <select value={camera ?? ""} onChange={(event) => onAsk({ camera: event.target.value })}>
            <option value="">{words.t("figures.allCameras")}</option>
            {found.cameras.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      )}
      {found && found.moves.length > 0 && (
        <p>
          <strong>{words.t("figures.movedOf", { moved, all: moves.length, now: found.loads, before: found.reference_loads })}</strong>
        </p>
      )}
      {another && <p className="warning">{words.t("figures.anotherModel", { now: found.models.join(", "), before: found.reference_models.join(", ") })}</p>}
    </Section>
  );
}

/** What moved comes first, then by how far. */
function rank(move: Shape<"MoveShown">): number {
  return (move.has_moved ? 1 : 0) + Math.abs(move.difference.value) / 2;
}

function signed(part: number, write: (part: number) => string): string {
  return part > 0 ? `+${write(part)}` : write(part);
}
