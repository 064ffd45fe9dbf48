// Keeps the files of the console, so that it opens without a network. Nothing that the service says is kept: a figure
// that cannot be read now is not shown, rather than an old one.
const CONSOLE = "/console/";
const ASSETS = `${CONSOLE}assets/`;
const PAGE = CONSOLE;
const SHELF = "console";
const ANSWER_WITHIN_MS = 3000;

self.addEventListener("install", (event) => {
  event.waitUntil(
    fetch(PAGE)
      .then(keepPage)
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => event.waitUntil(self.clients.claim()));

self.addEventListener("fetch", (event) => {
  const { pathname, origin } = new URL(event.request.url);
  if (event.request.method !== "GET" || origin !== location.origin || !pathname.startsWith(CONSOLE)) return;
  if (event.request.mode === "navigate") event.respondWith(page(event));
  else if (pathname.startsWith(ASSETS)) event.respondWith(asset(event.request));
});

/** The page as the server has it now, else the one that is kept. */
async function page(event) {
  try {
    const answer = await fetch(event.request, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    if (answer.ok) event.waitUntil(keepPage(answer.clone()));
    return answer;
  } catch {
    return (await caches.match(PAGE)) ?? Response.error();
  }
}

/** A file with its digest in its name: the one that is kept is the right one. One that the page wants later is kept too. */
async function asset(request) {
  const kept = await caches.match(request);
  if (kept) return kept;
  const answer = await fetch(request);
  if (answer.ok) await (await caches.open(SHELF)).put(request, answer.clone());
  return answer;
}

/** Keep the page with every file that it names, and let go of those that only an older one named. */
async function keepPage(answer) {
  const shelf = await caches.open(SHELF);
  const text = await answer.clone().text();
  const before = await (await shelf.match(PAGE))?.text();
  if (text === before) return;
  const files = [...text.matchAll(/(?:src|href)="(\/console\/[^"]+)"/g)].map((found) => found[1]);
  await shelf.addAll(files);
  await shelf.put(PAGE, answer);
  const named = new Set([PAGE, ...files].map((file) => new URL(file, location.origin).href));
  for (const request of await shelf.keys()) if (!named.has(request.url)) await shelf.delete(request);
}
