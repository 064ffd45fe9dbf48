import { Unreachable } from "../api.ts";
import { useWords } from "../show.ts";

/** Says why something could not be read, and lets the person try again. */
export function Failed({ why, again }: { why: Error; again: () => void }) {
  const words = useWords();
  const said = why instanceof Unreachable ? words.t("net.unreachable") : why.message;
  return (
    <p className="bar problem" role="alert">
      {words.t("net.failed", { why: said })}{" "}
      <button type="button" onClick={again}>
        {words.t("net.retry")}
      </button>
    </p>
  );
}
