// Something that a person does at once, whose answer they wait for: whether it is under way, and why it was refused.
import { useState } from "react";
import { ask, Problem, Unreachable } from "./api.ts";
import { sessionIsOver } from "./session.ts";
import { useWords } from "./show.ts";

export interface Doing {
  busy: boolean;
  problem: string;
  /** Send it; the answer's body, or null where it was refused. */
  send: <Body>(method: string, url: string, body?: unknown) => Promise<Body | null>;
}

export function useDoing(): Doing {
  const words = useWords();
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState("");
  const send = async <Body>(method: string, url: string, body?: unknown): Promise<Body | null> => {
    setBusy(true);
    setProblem("");
    try {
      return (await (await ask(method, url, body)).json()) as Body;
    } catch (error) {
      if (error instanceof Problem && error.status === 401) sessionIsOver();
      setProblem(error instanceof Unreachable ? words.t("net.notDone") : (error as Error).message);
      return null;
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, send };
}
