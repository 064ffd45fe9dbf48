import { useEffect, useRef } from "react";
import { type Happening, onHappening } from "./events.ts";

// In a busy yard several things happen in a second; a page that read all anew for each would do nothing else.
const QUIET_MS = 500;

/** Read again when something happens that concerns a page: at once, and then once for all that happens soon after. */
export function useNews(again: () => void, concerns: (happening: Happening) => boolean): void {
  const newest = useRef(concerns);
  newest.current = concerns;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let more = false;
    const rest = (): void => {
      timer = undefined;
      if (!more) return;
      more = false;
      tell();
    };
    const tell = (): void => {
      again();
      timer = setTimeout(rest, QUIET_MS);
    };
    const stop = onHappening((happening) => {
      if (!newest.current(happening)) return;
      if (timer === undefined) tell();
      else more = true;
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [again]);
}
