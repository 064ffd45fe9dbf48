// What happens, as the service says it, over one stream for the whole console.
import { lookWhoIsIn } from "./session.ts";
import { Store } from "./store.ts";

const KINDS = [
  "load.opened",
  "load.transition",
  "load.flagged",
  "load.claimed",
  "load.unclaimed",
  "layer.settled",
  "hazard.raised",
  "alarm.raised",
  "alarm.acknowledged",
  "camera.health",
  "weight.recorded",
  "assessment.recorded",
  "review.recorded",
  "ticket.issued",
  "supplier.confirmed",
  "supplier.disputed",
  "dispute.answered",
] as const;
const AGAIN_MS = 3000;
// The service says something at least every 15 s; after this long the line is dead, whatever the browser thinks.
const SILENT_MS = 40_000;

/** "stream.opened": from now on nothing is missed, but what has happened before may have been. */
export type Kind = (typeof KINDS)[number] | "stream.opened";
export interface Happening {
  kind: Kind;
  subject: string;
}

export const connected = new Store(true);
const listeners = new Set<(happening: Happening) => void>();
let source: EventSource | null = null;
let seen = "";
let silence: ReturnType<typeof setTimeout> | undefined;

addEventListener("offline", () => connected.set(false));
addEventListener("online", () => source && listen());

/** Be told of everything that happens; returns how to stop. */
export function onHappening(listener: (happening: Happening) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(happening: Happening): void {
  for (const listener of listeners) listener(happening);
}

function heard(): void {
  clearTimeout(silence);
  silence = setTimeout(() => {
    connected.set(false);
    if (source) listen();
  }, SILENT_MS);
}

/** Begin to listen, behind what was heard last. */
export function listen(): void {
  source?.close();
  heard();
  const stream = new EventSource(seen ? `/v1/events?after=${seen}` : "/v1/events");
  source = stream;
  stream.addEventListener("open", () => {
    connected.set(true);
    heard();
    tell({ kind: "stream.opened", subject: "" });
  });
  stream.addEventListener("error", () => {
    connected.set(false);
    // While it tries by itself it is CONNECTING; closed means that the service has answered with a refusal.
    if (stream.readyState === EventSource.CLOSED) setTimeout(() => stream === source && void comeBack(), AGAIN_MS);
  });
  stream.addEventListener("stream.alive", heard);
  for (const kind of KINDS) {
    stream.addEventListener(kind, (event: MessageEvent<string>) => {
      heard();
      seen = event.lastEventId;
      const { subject } = JSON.parse(event.data) as { subject: string };
      tell({ kind, subject });
    });
  }
}

/** Hear nothing more: nobody is signed in. */
export function stopListening(): void {
  clearTimeout(silence);
  source?.close();
  source = null;
}

/** Look who sits here until the service answers. Returns how to stop. */
export function lookUntilAnswered(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const look = (): void => {
    lookWhoIsIn().then(
      () => connected.set(true),
      () => {
        connected.set(false);
        timer = setTimeout(look, AGAIN_MS);
      },
    );
  };
  look();
  return () => clearTimeout(timer);
}

async function comeBack(): Promise<void> {
  try {
    await lookWhoIsIn();
    if (source) listen();
  } catch {
    setTimeout(() => source && void comeBack(), AGAIN_MS);
  }
}
