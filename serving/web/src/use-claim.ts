// Whoever has a load that waits on the screen works on it, until the page is left; nobody else decides meanwhile.
import { useEffect, useState } from "react";
import { ask, place, Problem, type Shape } from "./api.ts";

const RENEW_MS = 60_000;
// The claims that this page holds, by their addresses.
const held = new Set<string>();

export interface Claimed {
  /** Who else works on the load; null where nobody does. */
  by: Shape<"Claim"> | null;
  takeOver: () => void;
}

/** Claim a load while `wanted`. `me` is the caller, as the service names them. */
export function useClaim(load: string, me: string | null, wanted: boolean): Claimed {
  const [by, setBy] = useState<Shape<"Claim"> | null>(null);
  const at = place("/v1/loads/{load}/claim", { load });
  useEffect(() => {
    if (!wanted || me === null) return;
    let mine = false;
    let left = false;
    const claim = async (): Promise<void> => {
      const found = await take(at, false);
      if (found === "unknown") return;
      mine = found?.holder === me;
      if (mine) held.add(at);
      // The page was left while the answer was on its way.
      if (left && mine) void letGo(at);
      if (!left) setBy(mine ? null : found);
    };
    void claim();
    const timer = setInterval(() => void claim(), RENEW_MS);
    return () => {
      left = true;
      clearInterval(timer);
      if (mine) void letGo(at);
    };
  }, [at, me, wanted]);
  return { by: wanted ? by : null, takeOver: () => void take(at, true).then((found) => found !== "unknown" && setBy(found?.holder === me ? null : found)) };
}

/** Who has the load after asking for it; unknown where the service does not say now. */
async function take(at: string, takeOver: boolean): Promise<Shape<"Claim"> | null | "unknown"> {
  try {
    const answer = await ask("POST", at, { take_over: takeOver });
    return ((await answer.json()) as Shape<"ClaimNow">).claim;
  } catch (error) {
    if (!(error instanceof Problem) || error.status !== 409) return "unknown";
  }
  try {
    return ((await (await ask("GET", at)).json()) as Shape<"ClaimNow">).claim;
  } catch {
    return "unknown";
  }
}

async function letGo(at: string): Promise<void> {
  held.delete(at);
  // Where this is not heard, the claim runs out by itself.
  await ask("DELETE", at).catch(() => undefined);
}

/** Let go of whatever is claimed here, while the service still knows whose it is: for who is about to sign out. */
export async function letGoOfAll(): Promise<void> {
  await Promise.all([...held].map(letGo));
}
