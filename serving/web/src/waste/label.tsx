// From a photo to a label: what it may be, which codes to ask about, what a person confirms, and the label to print.
import { useState } from "react";
import type { Shape } from "../api.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { Identify } from "./identify.tsx";
import { LabelForm } from "./label-form.tsx";
import { LabelPaper } from "./label-paper.tsx";
import { mayAct } from "./roles.ts";

export interface Chosen {
  code: Shape<"CodeShown">;
  /** Names the answer about the photo that suggested it; null where a person searched for it. */
  identification: string | null;
}

export function LabelPage() {
  const words = useWords();
  const isActor = mayAct(useMe());
  const [chosen, setChosen] = useState<Chosen | null>(null);
  const [made, setMade] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const next = (): void => {
    setChosen(null);
    setMade(null);
    setTurn(turn + 1);
  };
  if (!isActor) return <p className="empty">{words.t("waste.label.notYours")}</p>;
  return (
    <section className="narrow">
      <h1>{words.t(made ? "waste.label.done" : "waste.label.title")}</h1>
      <div hidden={chosen !== null}>
        <Identify key={turn} onChosen={setChosen} />
      </div>
      {chosen && !made && <LabelForm key={chosen.code.code} chosen={chosen} onBack={() => setChosen(null)} onMade={setMade} />}
      {made && (
        <>
          <LabelPaper identity={made} />
          <div className="choices">
            <button type="button" className="main" onClick={next}>
              {words.t("waste.label.next")}
            </button>
          </div>
        </>
      )}
    </section>
  );
}
