// Who sits at the console. A session that ends leaves the page as it is and asks for the password over it.
import { ask, Problem, read, setCsrf, type Shape } from "./api.ts";
import { Store, useStore } from "./store.ts";

type Who = Shape<"Who">;

/** `before`: who sat here last, for a page that was opened while the service does not answer. */
export type Session =
  | { is: "unknown"; before: Who | null }
  | { is: "out"; before: Who | null }
  | { is: "in"; who: Who };

const LAST = "loadlens.who";

export const session = new Store<Session>({ is: "unknown", before: JSON.parse(localStorage.getItem(LAST) ?? "null") as Who | null });

export function useSession(): Session {
  return useStore(session);
}

/** Who sits here; while that is not known, who sat here before. Null where nobody is known. */
export function useMe(): Who | null {
  const now = useSession();
  return now.is === "in" ? now.who : now.before;
}

/** The name that a person is called by; the service says `user:ada`. */
export function plainName(actor: string): string {
  return actor.replace(/^user:/, "");
}

/** Ask the service who we are. */
export async function lookWhoIsIn(): Promise<void> {
  try {
    const who = await read("/v1/session");
    setCsrf(who.csrf ?? "");
    localStorage.setItem(LAST, JSON.stringify({ ...who, csrf: null }));
    session.set({ is: "in", who });
  } catch (error) {
    if (error instanceof Problem && error.status === 401) sessionIsOver();
    else throw error;
  }
}

/** The service has said that nobody is signed in any more. */
export function sessionIsOver(): void {
  const now = session.get();
  if (now.is === "out") return;
  session.set({ is: "out", before: now.is === "in" ? now.who : null });
}

export async function signIn(name: string, password: string): Promise<void> {
  await ask("POST", "/v1/session", { name, password });
  await lookWhoIsIn();
}

/** Whether the service has signed us out; where it does not say so, whoever sits here is still signed in. */
export async function signOut(): Promise<boolean> {
  try {
    await ask("DELETE", "/v1/session");
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) return false;
  }
  localStorage.removeItem(LAST);
  session.set({ is: "out", before: null });
  return true;
}
