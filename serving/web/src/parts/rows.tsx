import type { ReactNode } from "react";

interface Table {
  head: string[];
  rows: { key: string; cells: ReactNode[] }[];
  /** Which columns hold figures. */
  figures?: number[];
}

/** A table of things; on a phone every row is a list, so each cell says what it is. */
export function Rows({ head, rows, figures = [] }: Table) {
  const kind = (at: number): string => (figures.includes(at) ? "figure" : "");
  return (
    <table className="things">
      <thead>
        <tr>
          {head.map((name, at) => (
            <th key={name} scope="col" className={kind(at)}>
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map(({ key, cells: [first, ...others] }) => (
          <tr key={key}>
            <th scope="row">{first}</th>
            {others.map((cell, at) => (
              <td key={head[at + 1]} className={kind(at + 1)}>
                <span className="name" aria-hidden="true">
                  {head[at + 1]}
                </span>
                <span>{cell}</span>
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
