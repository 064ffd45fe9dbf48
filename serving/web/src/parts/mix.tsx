import { useWords } from "../show.ts";

export interface Part {
  id: string;
  name: string;
  colour: string;
  share: number;
}

// Below this a part is neither seen in the bar nor worth a line.
const LEAST = 0.0005;

/** Shares of one whole as a bar, and as the lines that say the same in words. */
export function Mix({ title, parts, short = false }: { title: string; parts: Part[]; short?: boolean }) {
  const words = useWords();
  const shown = parts.filter((part) => part.share >= LEAST).sort((one, other) => other.share - one.share);
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
