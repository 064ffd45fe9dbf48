// Something that a person does at once, whose answer they wait for: whether it is under way, and why it was refused.
import { useState } from "react";
import { ask, Problem, whyOf } from "./api.ts";
import { sessionIsOver } from "./session.ts";
import { useWords } from "./show.ts";
import { NO_ANSWER, type Why, whySaid } from "./why.ts";

export interface Doing {
  busy: boolean;
  problem: string;
  /** Send it; the answer's body, or null where it was refused. */
  send: <Body>(method: string, url: string, body?: unknown) => Promise<Body | null>;
}

export function useDoing(): Doing {
  const words = useWords();
  const [busy, setBusy] = useState(false);
  const [why, setWhy] = useState<Why | null>(null);
  const send = async <Body>(method: string, url: string, body?: unknown): Promise<Body | null> => {
    setBusy(true);
    setWhy(null);
    try {
      return (await (await ask(method, url, body)).json()) as Body;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) sessionIsOver();
      setWhy(whyOf(error));
      return null;
    } finally {
      setBusy(false);
    }
  };
  const problem = why === null ? "" : why === NO_ANSWER ? words.t("net.notDone") : whySaid(why, words);
  return { busy, problem, send };
}
