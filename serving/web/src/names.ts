// What people call classes and grades, read once from the service.
import { createContext, useContext } from "react";
import { read, type Shape } from "./api.ts";
import type { Language } from "./texts.ts";

// As far apart on the colour circle as can be, however many grades a standard has.
const GOLDEN_ANGLE = 137.508;

export class Names {
  readonly classes: Shape<"ClassShown">[];
  private readonly byId: Map<string, Shape<"ClassShown">>;
  private readonly standards: Map<string, Shape<"StandardShown">>;

  constructor(classes: Shape<"ClassShown">[], standards: Shape<"StandardShown">[]) {
    this.classes = classes;
    this.byId = new Map(classes.map((one) => [one.id, one]));
    this.standards = new Map(standards.map((one) => [one.id, one]));
  }

  class(id: string, language: Language): string {
    return this.byId.get(id)?.name[language] ?? id;
  }

  colour(id: string): string {
    return this.byId.get(id)?.colour ?? "#888888";
  }

  standard(id: string, language: Language): string {
    const known = this.standards.get(id);
    return known ? `${known.edition} ${known.title[language]}` : id;
  }

  grade(standard: string, code: string, language: Language): string {
    const name = this.standards.get(standard)?.grades.find((grade) => grade.code === code)?.name[language];
    // Some mills' codes are names.
    return name && name.replaceAll(" ", "") !== code.replaceAll(" ", "") ? `${code} ${name}` : code;
  }

  /** The grades of a standard, in its own order. */
  grades(standard: string): Shape<"GradeShown">[] {
    return this.standards.get(standard)?.grades ?? [];
  }

  gradeColour(standard: string, code: string): string {
    const at = this.standards.get(standard)?.grades.findIndex((grade) => grade.code === code) ?? -1;
    return at < 0 ? "#888888" : `hsl(${(at * GOLDEN_ANGLE + 205) % 360} 55% 52%)`;
  }
}

export async function readNames(): Promise<Names> {
  const [{ classes }, { standards }] = await Promise.all([read("/v1/classes"), read("/v1/standards")]);
  return new Names(classes, standards);
}

export const NamesOf = createContext(new Names([], []));

export function useNames(): Names {
  return useContext(NamesOf);
}
