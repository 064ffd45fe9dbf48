// What a page has read from the service: read again when it is told to, and kept while the network is gone.
import { useCallback, useEffect, useRef, useState } from "react";
import { Problem } from "./api.ts";
import { sessionIsOver, useSession } from "./session.ts";

export interface Loaded<Value> {
  value: Value | null;
  /** Why the newest reading failed; null where it did not. */
  failed: Error | null;
  again: () => void;
}

/** Read with `reader`, whenever `key` changes, `again` is called, or somebody signs in. */
export function useLoaded<Value>(key: string, reader: () => Promise<Value>): Loaded<Value> {
  const [state, setState] = useState<{ key: string; value: Value | null; failed: Error | null }>({ key, value: null, failed: null });
  const [turn, setTurn] = useState(0);
  const isIn = useSession().is === "in";
  const newest = useRef(reader);
  newest.current = reader;
  useEffect(() => {
    if (!isIn) return;
    let stale = false;
    newest.current().then(
      (value) => !stale && setState({ key, value, failed: null }),
      (error: unknown) => {
        if (error instanceof Problem && error.status === 401) sessionIsOver();
        else if (!stale) setState((before) => ({ key, value: before.key === key ? before.value : null, failed: error as Error }));
      },
    );
    return () => {
      stale = true;
    };
  }, [key, turn, isIn]);
  const again = useCallback(() => setTurn((before) => before + 1), []);
  const current = state.key === key;
  return { value: current ? state.value : null, failed: current ? state.failed : null, again };
}
