// Who may do what with waste; the service refuses whatever this lets through by mistake.
import type { Shape } from "../api.ts";

type Me = Shape<"Who"> | null;

/** Label, move, hand over. */
export function mayAct(me: Me): boolean {
  return me !== null && ["inspector", "manager"].includes(me.role);
}

/** Take entries back, let go of those that wait in vain, and take over a ledger from elsewhere. */
export function mayCorrect(me: Me): boolean {
  return me?.role === "manager";
}

/** The report over all plants. */
export function mayReport(me: Me): boolean {
  return me !== null && ["manager", "auditor", "admin"].includes(me.role);
}
