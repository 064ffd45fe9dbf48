// A page whose code comes over the network when it is first wanted, so that the first view waits for none of it.
import { type ComponentType, useEffect, useState } from "react";
import { useWords } from "../show.ts";
import { Failed } from "./failed.tsx";

type Loader<Given> = () => Promise<ComponentType<Given>>;

// A page that has come once is there at once from then on.
const there = new Map<unknown, unknown>();

/** Show the page that `load` brings; `load` is the same function every time. */
export function Later<Given extends object>({ load, given }: { load: Loader<Given>; given: Given }) {
  const words = useWords();
  const [failed, setFailed] = useState<Error | null>(null);
  const [turn, setTurn] = useState(0);
  const Shown = there.get(load) as ComponentType<Given> | undefined;
  const isThere = Shown !== undefined;
  useEffect(() => {
    if (isThere) return;
    setFailed(null);
    load().then((page) => {
      there.set(load, page);
      setTurn((before) => before + 1);
    }, setFailed);
  }, [load, turn, isThere]);
  if (Shown) return <Shown {...given} />;
  // The files of a console that was open over an update are gone: only the page anew names those that are there.
  if (failed) return <Failed why={failed} again={() => location.reload()} />;
  return <p role="status">{words.t("net.loading")}</p>;
}
