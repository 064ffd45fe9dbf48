import { useWords } from "../show.ts";

export interface Part {
  id: string;
  name: string;
  colour: string;
  share: number;
}

// Parts below this stand in one line together; contaminants have a table of their own.
const LEAST = 0.005;
// Less than this would be written as 0 %.
const LEAST_SHOWN = 0.0005;
const REST = "#c3cad0";

/** Shares of one whole as a bar, and as the lines that say the same in words. */
export function Mix({ title, parts, short = false }: { title: string; parts: Part[]; short?: boolean }) {
  const words = useWords();
  const shown = parts.filter((part) => part.share >= LEAST).sort((one, other) => other.share - one.share);
  const rest = parts.filter((part) => part.share < LEAST).reduce((sum, part) => sum + part.share, 0);
  if (rest >= LEAST_SHOWN) shown.push({ id: "rest", name: words.t("mix.rest", { least: words.percent(LEAST) }), colour: REST, share: rest });
  return (
    <figure className="mix">
      <figcaption>{title}</figcaption>
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        {shown.map((part, at) => (
          <rect
            key={part.id}
            x={100 * shown.slice(0, at).reduce((sum, before) => sum + before.share, 0)}
            width={100 * part.share}
            height="6"
            fill={part.colour}
          />
        ))}
      </svg>
      <ul>
        {(short ? shown.slice(0, 3) : shown).map((part) => (
          <li key={part.id}>
            <svg viewBox="0 0 10 10" aria-hidden="true">
              <rect width="10" height="10" rx="2" fill={part.colour} />
            </svg>
            <span>{part.name}</span>
            <b>{words.percent(part.share)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}
