// Which past loads a file would have judged otherwise, computed by the service.
import { type FormEvent, useState } from "react";
import type { Shape } from "../api.ts";
import { Rows } from "../parts/rows.tsx";
import { follow } from "../route.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";

const LIMITS = [50, 200, 1000];

export function Changes({ text, standards }: { text: string; standards: Shape<"StandardShown">[] }) {
  const words = useWords();
  const { busy, problem, send } = useDoing();
  const [found, setFound] = useState<Shape<"StandardComparison"> | null>(null);
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const asked = { text, instead_of: String(given.get("of")), limit: Number(given.get("limit")) };
    setFound(await send<Shape<"StandardComparison">>("POST", "/v1/standards/comparison", asked));
  };
  const two = (one: string, other: string): string => (one === other ? one : words.t("changes.fromTo", { one, other }));
  const percent = (one: Shape<"Outcome">): string => words.percent(one.deduction_percent / 100, 2);
  const mass = (one: Shape<"Outcome">): string => (one.deduction_kg === null ? "–" : words.kg(one.deduction_kg));
  const money = (one: Shape<"Outcome">): string => (one.amount === null || one.currency === null ? "–" : words.money(one.amount, one.currency));
  return (
    <details open>
      <summary>{words.t("changes.title")}</summary>
      <form className="row-form" onSubmit={(event) => void submit(event)}>
        <label>
          {words.t("changes.of")}
          <select name="of">
            {standards.map((one) => (
              <option key={one.id}>{one.id}</option>
            ))}
          </select>
        </label>
        <label>
          {words.t("changes.limit")}
          <select name="limit" defaultValue={LIMITS[0]}>
            {LIMITS.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <button disabled={busy}>{words.t(busy ? "net.loading" : "changes.show")}</button>
      </form>
      <p className="problem" role="alert">
        {problem}
      </p>
      {found && <p role="status">{words.t("changes.found", { n: found.changed.length, of: found.compared })}</p>}
      {found && found.changed.length > 0 && (
        <Rows
          head={(["load", "grade", "deduction", "mass", "amount", "decision"] as const).map((name) => words.t(`changes.${name}`))}
          rows={found.changed.map(({ load, created_at, before, after, why }) => ({
            key: load,
            cells: [
              <>
                <a {...follow(`/loads/${encodeURIComponent(load)}`)}>{load}</a> <small>{words.moment(created_at)}</small>
              </>,
              ...(after
                ? [
                    two(before.grade ?? "–", after.grade ?? "–"),
                    two(percent(before), percent(after)),
                    two(mass(before), mass(after)),
                    two(money(before), money(after)),
                    two(words.t(`changes.is.${before.decision}`), words.t(`changes.is.${after.decision}`)),
                  ]
                : [why, "–", "–", "–", "–"]),
            ],
          }))}
        />
      )}
    </details>
  );
}
