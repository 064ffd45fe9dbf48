// What was sent to the supplier of a load, what he said of which version, and what he was answered.
import { read } from "./api.ts";

export interface Answer {
  outcome: "changed" | "explained";
  text: string;
  version: number;
  actor: string;
  at: string;
}

interface Said {
  number: number;
  version: number;
  /** The ticket that he was shown; null where there was none yet. */
  ticket: number | null;
  text: string;
  name: string;
  via: "link" | "yard";
  actor: string;
  at: string;
}

export interface Confirmation extends Said {
  said: "confirm";
}

export interface Dispute extends Said {
  said: "dispute";
  reason: "weight" | "deduction" | "price" | "grade" | "goods" | "other";
  answer_due_at: string;
  overdue: boolean;
  answers: Answer[];
}

export type Statement = Confirmation | Dispute;

export interface Supplied {
  statements: Statement[];
  /** The version that can be confirmed or disputed now; null where none can. */
  open_version: number | null;
  links: { version: number; until: string; actor: string; at: string }[];
}

/** What is between the yard and the supplier of a load. */
export async function readSupplied(load: string): Promise<Supplied> {
  // The service's description of this answer does not name its fields.
  return (await read("/v1/loads/{load_id}/disputes", { load_id: load })) as unknown as Supplied;
}

/** The disputes that no manager has answered. */
export function unanswered(supplied: Supplied): Dispute[] {
  return supplied.statements.filter((one) => one.said === "dispute").filter((one) => one.answers.length === 0);
}
