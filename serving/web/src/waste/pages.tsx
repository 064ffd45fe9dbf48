// The waste half of the console. It is loaded when it is first wanted: whoever reviews loads need not wait for it.
import { useEffect, useRef } from "react";
import { follow, go } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useKeys } from "../use-keys.ts";
import { ContainerPage } from "./container.tsx";
import { LabelPage } from "./label.tsx";
import { LedgerPage } from "./ledger.tsx";
import { PlanPage } from "./plan.tsx";
import { ReportsPage } from "./reports.tsx";
import { mayAct } from "./roles.ts";
import { RoomPage } from "./room.tsx";
import { ScanPage } from "./scan.tsx";
import { TransferPage } from "./transfer.tsx";
import { TransfersPage } from "./transfers.tsx";
import "./waste.css";

const TABS = ["rooms", "label", "scan", "ledger", "transfers", "reports"] as const;
const ACTS: readonly string[] = ["label"];

interface Asked {
  path: string;
  query: URLSearchParams;
}

export function WastePages({ path, query }: Asked) {
  const words = useWords();
  const isActor = mayAct(useMe());
  const tabs = TABS.filter((tab) => isActor || !ACTS.includes(tab));
  const [, , chosen = "rooms"] = path.split("/");
  const current = chosen === "containers" ? "ledger" : chosen;
  useKeys("waste", {
    rooms: () => go("/waste"),
    ...(isActor && { label: () => go("/waste/label") }),
    scan: () => go("/waste/scan"),
    ledger: () => go("/waste/ledger"),
    transfers: () => go("/waste/transfers"),
    reports: () => go("/waste/reports"),
  });
  const shown = useRef<HTMLAnchorElement>(null);
  // On a phone the row of tabs is wider than the screen.
  useEffect(() => {
    shown.current?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [current]);
  return (
    <>
      <nav className="filters tabs" aria-label={words.t("waste.pages")}>
        {tabs.map((tab) => (
          <a key={tab} {...follow(tab === "rooms" ? "/waste" : `/waste/${tab}`)} aria-current={tab === current ? "page" : undefined} ref={tab === current ? shown : undefined}>
            {words.t(`waste.tab.${tab}`)}
          </a>
        ))}
      </nav>
      <Shown path={path} query={query} />
    </>
  );
}

function Shown({ path, query }: Asked) {
  const [, , chosen, name] = path.split("/");
  const thing = name === undefined ? null : decodeURIComponent(name);
  switch (chosen) {
    case "label":
      return <LabelPage />;
    case "scan":
      return <ScanPage key={query.toString()} code={query.get("code")} />;
    case "rooms":
      return thing ? <RoomPage key={thing} id={thing} query={query} /> : <PlanPage />;
    case "containers":
      return thing ? <ContainerPage key={thing} identity={thing} /> : <LedgerPage query={query} />;
    case "ledger":
      return <LedgerPage query={query} />;
    case "transfers":
      return thing ? <TransferPage key={thing} id={thing} /> : <TransfersPage />;
    case "reports":
      return <ReportsPage query={query} />;
    default:
      return <PlanPage />;
  }
}
