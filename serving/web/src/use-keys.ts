import { useLayoutEffect, useRef } from "react";
import { type Does, found, named, type Where } from "./keys.ts";

export type Actions<Place extends Where> = Partial<Record<Does<Place>, (key: string) => void>>;

// Keys that mean something of their own to what they are pressed on.
const WRITES = "input:not([type=radio]):not([type=range]):not([type=checkbox]), textarea, select";
const PRESSES = "a, button, summary";

/** Listen to the keys of one place (keys.ts) while `active`. */
export function useKeys<Place extends Where>(where: Place, actions: Actions<Place>, active = true): void {
  const newest = useRef(actions);
  newest.current = actions;
  // Before the page is painted: no button is to be seen whose key does nothing yet.
  useLayoutEffect(() => {
    if (!active) return;
    const listen = (event: KeyboardEvent): void => {
      const key = named(event);
      if (key === null || event.defaultPrevented || event.isComposing) return;
      const target = event.target as Element;
      const isWriting = target.matches(WRITES);
      if (isWriting && key.length === 1) return;
      if (isWriting && key.includes("Arrow")) return;
      if (key === "Enter" && target.matches(PRESSES)) return;
      if (document.querySelector("dialog[open]") && where !== "everywhere") return;
      const does = found(where, key) as Does<Place> | undefined;
      const action = does && newest.current[does];
      if (!action) return;
      event.preventDefault();
      action(key);
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [where, active]);
}
