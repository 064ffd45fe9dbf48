import { whyOf } from "../api.ts";
import { useWords } from "../show.ts";
import { whySaid } from "../why.ts";

/** Says why something could not be read, and lets the person try again. */
export function Failed({ why, again }: { why: Error; again: () => void }) {
  const words = useWords();
  return (
    <p className="bar problem" role="alert">
      {words.t("net.failed", { why: whySaid(whyOf(why), words) })}{" "}
      <button type="button" onClick={again}>
        {words.t("net.retry")}
      </button>
    </p>
  );
}
