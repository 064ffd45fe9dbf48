// The frame around every page: who is signed in, alarms, what is not yet confirmed, and the keys that work everywhere.
import { useEffect, useState } from "react";
import { outbox } from "./decisions.ts";
import { connected, listen, lookUntilAnswered, stopListening } from "./events.ts";
import { maySeeFigures } from "./figures.ts";
import { NamesOf, Names, readNames } from "./names.ts";
import { AlarmBar } from "./parts/alarm-bar.tsx";
import { Boundary } from "./parts/boundary.tsx";
import { Failed } from "./parts/failed.tsx";
import { Header } from "./parts/header.tsx";
import { KeysHelp } from "./parts/keys-help.tsx";
import { Later } from "./parts/later.tsx";
import { DoneNotes, OutboxBar } from "./parts/outbox-bar.tsx";
import { SignIn } from "./parts/sign-in.tsx";
import { LivePage } from "./pages/live.tsx";
import { LoadPage } from "./pages/load.tsx";
import { LoadsPage } from "./pages/loads.tsx";
import { QueuePage } from "./pages/queue.tsx";
import { go, useRoute } from "./route.ts";
import { lookWhoIsIn, useMe, useSession } from "./session.ts";
import { useWords } from "./show.ts";
import { useStore } from "./store.ts";
import { useKeys } from "./use-keys.ts";
import { useLoaded } from "./use-loaded.ts";
import { useNews } from "./use-news.ts";

const NO_NAMES = new Names([], []);
const figures = () => import("./pages/figures.tsx").then(({ FiguresPage }) => FiguresPage);
const settings = () => import("./pages/settings.tsx").then(({ SettingsPage }) => SettingsPage);
const waste = () => import("./waste/pages.tsx").then(({ WastePages }) => WastePages);

export function App() {
  const words = useWords();
  const session = useSession();
  const me = useMe();
  const [helping, setHelping] = useState(false);
  const names = useLoaded("names", readNames);
  const isIn = session.is === "in";
  const { path } = useRoute();
  // Without names there are ids in place of them, and nothing to choose from in a correction.
  useNews(names.again, ({ kind }) => kind === "stream.opened" && names.failed !== null);
  useEffect(lookUntilAnswered, []);
  useEffect(() => {
    if (!isIn) return;
    listen();
    return stopListening;
  }, [isIn]);
  useKeys("everywhere", {
    help: () => setHelping(true),
    live: () => go("/"),
    queue: () => go("/queue"),
    loads: () => go("/loads"),
    waste: () => go("/waste"),
    ...(maySeeFigures(me) && { figures: () => go("/figures"), settings: () => go("/settings") }),
    acknowledge: () => document.querySelector<HTMLElement>("[data-alarm]")?.focus(),
  });
  const wasIn = isIn || (session.is === "out" && session.before !== null);
  return (
    <NamesOf value={names.value ?? NO_NAMES}>
      <a className="skip" href="#content">
        {words.t("nav.skip")}
      </a>
      <Header onKeys={() => setHelping(true)} />
      <div className="bars">
        {wasIn && <AlarmBar />}
        <Connection />
        <OutboxBar />
        {names.failed && <Failed why={names.failed} again={names.again} />}
      </div>
      <main id="content" tabIndex={-1}>
        <Boundary path={path} instead={(why) => <Broken why={why} />}>
          {wasIn ? <Page /> : <NothingYet />}
        </Boundary>
      </main>
      <DoneNotes />
      {session.is === "out" && <SignIn again={session.before !== null} />}
      {helping && <KeysHelp onClose={() => setHelping(false)} />}
    </NamesOf>
  );
}

function Page() {
  const { path, query } = useRoute();
  const load = /^\/loads\/([^/]+)$/.exec(path)?.[1];
  if (load) return <LoadPage key={load} id={decodeURIComponent(load)} />;
  if (path === "/loads") return <LoadsPage query={query} />;
  if (path === "/figures") return <Later key="figures" load={figures} given={{ query }} />;
  if (path.startsWith("/settings")) return <Later key="settings" load={settings} given={{ path, query }} />;
  if (path.startsWith("/waste")) return <Later key="waste" load={waste} given={{ path, query }} />;
  return path === "/queue" ? <QueuePage query={query} /> : <LivePage />;
}

function Broken({ why }: { why: Error }) {
  const words = useWords();
  return (
    <p className="bar problem" role="alert">
      {words.t("page.broken", { why: why.message })}{" "}
      <button type="button" onClick={() => location.reload()}>
        {words.t("page.reload")}
      </button>
    </p>
  );
}

/** A page that was opened without a network shows no figures: none are kept, because they would be old ones. But what
 * is scanned in a store room can be kept until the network is back. */
function NothingYet() {
  const words = useWords();
  const { path, query } = useRoute();
  const me = useMe();
  if (useStore(connected)) return null;
  if (me !== null && path === "/waste/scan") return <Later key="waste" load={waste} given={{ path, query }} />;
  return <p className="empty">{words.t("net.nothingShown")}</p>;
}

function Connection() {
  const session = useSession();
  return useStore(connected) || session.is === "out" ? null : <Gone />;
}

function Gone() {
  const words = useWords();
  const [since] = useState(() => new Date().toISOString());
  return (
    <p className="bar away" role="status">
      {words.t("net.gone", { at: words.time(since) })}{" "}
      <button
        type="button"
        onClick={() => {
          void lookWhoIsIn().catch(() => undefined);
          void outbox.retry();
        }}
      >
        {words.t("net.retry")}
      </button>
    </p>
  );
}
