// Who sits at the console. A session that ends leaves the page as it is and asks for the password over it.
import { ask, Problem, read, setCsrf, type Shape } from "./api.ts";
import { Store, useStore } from "./store.ts";

export type Session =
  | { is: "unknown" }
  | { is: "out"; before: Shape<"Who"> | null }
  | { is: "in"; who: Shape<"Who"> };

export const session = new Store<Session>({ is: "unknown" });

export function useSession(): Session {
  return useStore(session);
}

/** Who sits here; after a session has ended, who sat here before it. Null where nobody is known. */
export function useMe(): Shape<"Who"> | null {
  const now = useSession();
  if (now.is === "in") return now.who;
  return now.is === "out" ? now.before : null;
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

export async function signOut(): Promise<void> {
  await ask("DELETE", "/v1/session");
  session.set({ is: "out", before: null });
}
