// What a page has read from the service: read again when it is told to, and kept while the network is gone.
import { useCallback, useEffect, useRef, useState } from "react";
import { Problem } from "./api.ts";
import { sessionIsOver, useSession } from "./session.ts";

export interface Loaded<Value> {
  value: Value | null;
  /** Why the newest reading failed; null where it did not. */
  failed: Error | null;
  /** What is shown may be old: it is being read. */
  isReading: boolean;
  again: () => void;
}

interface Shown<Value> {
  key: string;
  /** Which of the readings of this key it is. */
  turn: number;
  value: Value | null;
  failed: Error | null;
}

/** Read with `reader`, whenever `key` changes, `again` is called, or somebody signs in. */
export function useLoaded<Value>(key: string, reader: () => Promise<Value>): Loaded<Value> {
  const [state, setState] = useState<Shown<Value>>({ key, turn: -1, value: null, failed: null });
  const [turn, setTurn] = useState(0);
  const isIn = useSession().is === "in";
  const newest = useRef(reader);
  newest.current = reader;
  const wanted = useRef(key);
  wanted.current = key;
  useEffect(() => {
    if (!isIn) return;
    // A slow answer is shown although another reading was begun meanwhile: else news that come fast would leave nothing.
    const show = (now: (before: Shown<Value>) => Shown<Value>): void => {
      if (wanted.current === key) setState((before) => (before.key === key && before.turn > turn ? before : now(before)));
    };
    newest.current().then(
      (value) => show(() => ({ key, turn, value, failed: null })),
      (error: unknown) => {
        if (error instanceof Problem && error.status === 401) sessionIsOver();
        else show((before) => ({ key, turn, value: before.key === key ? before.value : null, failed: error as Error }));
      },
    );
  }, [key, turn, isIn]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  const current = state.key === key;
  const isReading = isIn && !(current && state.turn >= turn);
  return { value: current ? state.value : null, failed: current ? state.failed : null, isReading, again };
}
