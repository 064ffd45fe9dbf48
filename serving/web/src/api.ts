// Requests to the service. Paths and answers are checked against the types that its OpenAPI gives.
import type { components, paths } from "./schema.d.ts";
import type { Language } from "./texts.ts";
import { NO_ANSWER, type Why } from "./why.ts";

export type Shape<Name extends keyof components["schemas"]> = components["schemas"][Name];

type Answer<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { "application/json": infer Body } } } };
}
  ? Body
  : never;

type Asked = string | number | boolean | null | undefined;
export type Query = Record<string, Asked | string[]>;

/** The service refused: its status, what it says, and everything that is wrong where that is more, in either language. */
export class Problem extends Error {
  readonly status: number;
  readonly why: Why;
  readonly faults: Record<Language, string[]>;

  constructor(status: number, detail: string, detailZh: string | null = null, faults: string[] = [], faultsZh: string[] = faults) {
    super(detail);
    this.status = status;
    this.why = { status, en: detail, zh: detailZh };
    this.faults = { en: faults, zh: faultsZh };
  }
}

/** Nothing answered: the network or the server is gone. */
export class Unreachable extends Error {}

/** Why a request came to nothing. */
export function whyOf(error: unknown): Why {
  if (error instanceof Problem) return error.why;
  return error instanceof Unreachable ? NO_ANSWER : { ...NO_ANSWER, en: String(error) };
}

let csrf = "";

/** The token that every changing request of this session shows. */
export function setCsrf(token: string): void {
  csrf = token;
}

/** A path with its parameters filled in and its query behind it. */
export function place(path: string, params: Record<string, string | number> = {}, query: Query = {}): string {
  const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "") asked.append(name, String(one));
    }
  }
  return asked.size ? `${filled}?${asked}` : filled;
}

/** Send a request, its body as JSON or, where it is a file, as it is; raises Problem where it is refused and Unreachable where nothing answers. */
export async function ask(method: string, url: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  const sent: Record<string, string> = { Accept: "application/json", ...headers };
  if (method !== "GET") sent["X-CSRF-Token"] = csrf;
  const isFile = body instanceof Blob;
  if (body !== undefined) sent["Content-Type"] = isFile ? body.type : "application/json";
  let answer: Response;
  try {
    answer = await fetch(url, { method, headers: sent, body: body === undefined ? null : isFile ? body : JSON.stringify(body) });
  } catch {
    throw new Unreachable();
  }
  if (answer.ok) return answer;
  throw await problemIn(answer);
}

interface Told {
  detail?: string;
  detail_zh?: string;
  faults?: string[];
  faults_zh?: string[];
}

async function problemIn(answer: Response): Promise<Problem> {
  // A proxy in between answers in its own way.
  if (!answer.headers.get("content-type")?.includes("json")) return new Problem(answer.status, `${answer.status} ${answer.statusText}`);
  const { detail, detail_zh: detailZh, faults, faults_zh: faultsZh } = (await answer.json()) as Told;
  return new Problem(answer.status, detail ?? `${answer.status}`, detailZh, faults, faultsZh);
}

/** Read a thing together with its ETag, by which a change of it says what it was made from. */
export async function readTagged<Path extends keyof paths & string>(
  path: Path,
  params: Record<string, string | number> = {},
  query: Query = {},
): Promise<{ body: Answer<Path>; tag: string | null }> {
  const answer = await ask("GET", place(path, params, query));
  return { body: (await answer.json()) as Answer<Path>, tag: answer.headers.get("ETag") };
}

/** Read a thing. */
export async function read<Path extends keyof paths & string>(
  path: Path,
  params: Record<string, string | number> = {},
  query: Query = {},
): Promise<Answer<Path>> {
  return (await readTagged(path, params, query)).body;
}
