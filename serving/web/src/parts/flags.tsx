import { memo } from "react";
import type { Shape } from "../api.ts";
import { useWords } from "../show.ts";
import { isTextKey } from "../texts.ts";
import { Sentence } from "./sentence.tsx";

type Flag = Shape<"FlagShown">;

/** Why a person has to look, gravest first; what is only noted stands apart. */
export const Flags = memo(function Flags({ flags }: { flags: Flag[] }) {
  const words = useWords();
  const calling = [...flags.filter((flag) => flag.level === "stop"), ...flags.filter((flag) => flag.level === "review")];
  const noted = flags.filter((flag) => flag.level === "info");
  return (
    <section>
      <h2>{words.t("load.why")}</h2>
      {calling.length === 0 && <p>{words.t("load.noFlags")}</p>}
      <FlagList flags={calling} />
      {noted.length > 0 && (
        <details>
          <summary>
            {words.t("load.notes")} ({noted.length})
          </summary>
          <FlagList flags={noted} />
        </details>
      )}
    </section>
  );
});

function FlagList({ flags }: { flags: Flag[] }) {
  const words = useWords();
  return (
    <ul className="flags">
      {flags.map((flag) => {
        const key = `flag.${flag.code}`;
        return (
          <li key={flag.code + flag.why} className={flag.level}>
            {isTextKey(key) && <strong>{words.t(key)}</strong>} <Sentence code={flag.code} why={flag.why} />
          </li>
        );
      })}
    </ul>
  );
}
