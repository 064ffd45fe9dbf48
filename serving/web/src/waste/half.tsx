// The door to the waste half of the console, which comes over the network when it is first wanted.
import { useEffect, useState } from "react";
import { Failed } from "../parts/failed.tsx";
import { useWords } from "../show.ts";
import type { WastePages } from "./pages.tsx";

interface Half {
  path: string;
  query: URLSearchParams;
}

export function WasteHalf({ path, query }: Half) {
  const words = useWords();
  const [pages, setPages] = useState<{ Pages: typeof WastePages } | null>(null);
  const [failed, setFailed] = useState<Error | null>(null);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    setFailed(null);
    import("./pages.tsx").then(({ WastePages }) => setPages({ Pages: WastePages }), setFailed);
  }, [turn]);
  if (failed) return <Failed why={failed} again={() => setTurn(turn + 1)} />;
  if (pages === null) return <p role="status">{words.t("net.loading")}</p>;
  return <pages.Pages path={path} query={query} />;
}
