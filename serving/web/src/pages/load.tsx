import { memo, useEffect, useState } from "react";
import { read, readTagged, type Shape } from "../api.ts";
import { decidedLoads, outbox } from "../decisions.ts";
import { type Draft, stepped } from "../draft.ts";
import { useNames } from "../names.ts";
import { layerNumber } from "../numbers.ts";
import { Decision, useDraft } from "../parts/decision.tsx";
import { amount, Deduction, deductionRange } from "../parts/deduction.tsx";
import { Failed } from "../parts/failed.tsx";
import { Flags } from "../parts/flags.tsx";
import { FrameView } from "../parts/frame-view.tsx";
import { LayerCorrection, Regions, useDrawing } from "../parts/layer-correction.tsx";
import { LayerStrip } from "../parts/layer-strip.tsx";
import { FormMix, GradeMix } from "../parts/mixes.tsx";
import { Settlement } from "../parts/settlement.tsx";
import { SupplierSide } from "../parts/supplied.tsx";
import { follow, go } from "../route.ts";
import { plainName, useMe } from "../session.ts";
import { reasonTold } from "../sentences.ts";
import { useWords } from "../show.ts";
import { readSupplied, type Supplied } from "../supplier.ts";
import { useKeys } from "../use-keys.ts";
import { useLoaded } from "../use-loaded.ts";
import { useNews } from "../use-news.ts";
import { Blind } from "./blind.tsx";
import { readQueue } from "./queue.tsx";

interface Whole {
  load: Shape<"LoadShown">;
  tag: string | null;
  report: Shape<"Report"> | null;
  reviews: Shape<"ReviewShown">[];
  /** What is between the yard and the supplier; null while there is nothing to tell him. */
  supplied: Supplied | null;
  /** What is told where a person is to say first what they think; null where all is told. */
  facts: Shape<"Facts"> | null;
}

async function readWhole(id: string): Promise<Whole> {
  const params = { load_id: id };
  const { body: load, tag } = await readTagged("/v1/loads/{load_id}", params);
  const version = load.assessment_version;
  if (version === null) return { load, tag, report: null, reviews: [], supplied: null, facts: null };
  if ((await read("/v1/loads/{load_id}/opinions", params)).withheld !== null) {
    return { load, tag, report: null, reviews: [], supplied: null, facts: await read("/v1/loads/{load_id}/facts", params) };
  }
  const [report, { reviews }, supplied] = await Promise.all([
    read("/v1/loads/{load_id}/assessments/{version}", { ...params, version }),
    read("/v1/loads/{load_id}/reviews", params),
    readSupplied(id),
  ]);
  return { load, tag, report, reviews, supplied, facts: null };
}

export function LoadPage({ id }: { id: string }) {
  const words = useWords();
  const { value, failed, isReading, again } = useLoaded(`load ${id}`, () => readWhole(id));
  useNews(again, ({ kind, subject }) => (subject === `load:${id}` && kind !== "layer.settled") || kind === "stream.opened");
  useEffect(() => outbox.onDone((entry) => entry.about["load"] === id && again()), [id, again]);
  const onNext = (): void => void goToNext(id);
  return (
    <article className="load">
      <a className="back" {...follow("/queue")}>
        {words.t("load.back")}
      </a>
      {failed && <Failed why={failed} again={again} />}
      {!value && !failed && <p role="status">{words.t("net.loading")}</p>}
      {value && <Shown whole={value} isReading={isReading} onNext={onNext} onLinked={again} />}
    </article>
  );
}

/** The next load that waits, that nobody works on and that was not decided on here; the queue where there is none. */
async function goToNext(id: string): Promise<void> {
  try {
    const decided = decidedLoads(outbox.entries);
    const { loads } = await readQueue({ claimed: "nobody" });
    const next = loads.find((load) => load.id !== id && !decided.has(load.id));
    go(next ? `/loads/${encodeURIComponent(next.id)}` : "/queue");
  } catch {
    go("/queue");
  }
}

interface ShownProps {
  whole: Whole;
  isReading: boolean;
  onNext: () => void;
  onLinked: () => void;
}

function Shown({ whole, isReading, onNext, onLinked }: ShownProps) {
  const words = useWords();
  const { load, tag, report, reviews, supplied } = whole;
  const [steps, setSteps] = useDraft(load.id, useMe()?.name ?? "");
  const lastCorrection = reviews.findLast((review) => review.correction)?.correction ?? null;
  if (whole.facts) {
    return (
      <>
        <Head load={load} report={null} />
        <Blind load={load} facts={whole.facts} />
      </>
    );
  }
  if (!report) {
    return (
      <>
        <Head load={load} report={null} />
        <p>{words.t("load.notGraded", { status: words.t(`status.${load.status}`) })}</p>
        {load.problem && <p className="problem">{load.problem}</p>}
      </>
    );
  }
  const change = (by: Partial<Draft>): void => void (steps && setSteps(stepped(steps, by)));
  return (
    <>
      <Head load={load} report={report} />
      <div className="columns">
        <Pictures load={load} report={report} draft={steps?.now ?? null} onChange={change} />
        <div className="facts">
          <Decision {...{ load, tag, report, isReading, steps, setSteps, lastCorrection }} onDone={onNext} onNext={onNext}>
            {supplied && <Settlement load={load} tag={tag} supplied={supplied} />}
          </Decision>
          <Flags flags={report.truck.flags} />
          <Deduction report={report} />
          <section>
            <h2>{words.t("load.composition")}</h2>
            <GradeMix seen={report.truck} standard={load.standard} />
            <FormMix seen={report.truck} />
          </section>
          <History reviews={reviews} />
          {supplied && <SupplierSide load={load} tag={tag} supplied={supplied} onLinked={onLinked} />}
          <Provenance load={load} report={report} />
        </div>
      </div>
    </>
  );
}

const Head = memo(function Head({ load, report }: { load: Shape<"LoadShown">; report: Shape<"Report"> | null }) {
  const words = useWords();
  const names = useNames();
  const truck = report?.truck;
  const grade = (code: string | null): string => (code === null ? words.t("load.noGrade") : names.grade(load.standard, code, words.language));
  const weight = (kind: string): string => {
    const known = load.weights[kind];
    return known ? words.weight(Number(known.kg)) : words.t("load.notWeighed");
  };
  return (
    <header className="load-head">
      <h1>
        {load.plate ?? words.t("load.title", { load: load.id })} <small>{words.t(`status.${load.status}`)}</small>
      </h1>
      <dl>
        {load.supplier && <Fact name={words.t("load.supplier")} value={load.supplier} />}
        {load.declared && <Fact name={words.t("load.declared")} value={grade(load.declared)} />}
        {truck && <Fact name={words.t("load.graded")} value={grade(truck.grade)} strong />}
        {report && truck && (
          <Fact
            name={words.t("load.deduction")}
            value={amount(truck.deduction.kg, truck.deduction.percent_of_net, words)}
            more={deductionRange(report, words)}
            strong
          />
        )}
        {truck && <Fact name={words.t("load.unknown")} value={words.percent(truck.unknown)} />}
        <Fact name={words.t("load.gross")} value={weight("gross")} />
        <Fact name={words.t("load.tare")} value={weight("tare")} />
        {truck && truck.net_kg !== null && <Fact name={words.t("load.net")} value={words.weight(truck.net_kg)} />}
        {truck && truck.settlement_kg !== null && <Fact name={words.t("load.settlement")} value={words.weight(truck.settlement_kg)} strong />}
      </dl>
    </header>
  );
});

function Fact({ name, value, more, strong = false }: { name: string; value: string; more?: string; strong?: boolean }) {
  return (
    <div className={strong ? "strong" : ""}>
      <dt>{name}</dt>
      <dd>
        {value}
        {more && <small>{more}</small>}
      </dd>
    </div>
  );
}

interface Pictured {
  load: Shape<"LoadShown">;
  report: Shape<"Report">;
  draft: Draft | null;
  onChange: (change: Partial<Draft>) => void;
}

function Pictures({ load, report, draft, onChange }: Pictured) {
  const words = useWords();
  const { layers } = report;
  const worst = layers.findIndex((layer) => layer.hazards.length > 0);
  const [at, setAt] = useState(Math.max(0, worst));
  useKeys("load", {
    nextLayer: () => setAt(Math.min(at + 1, layers.length - 1)),
    previousLayer: () => setAt(Math.max(at - 1, 0)),
  });
  const layer = layers[at];
  const drawn = useDrawing(layer?.index ?? 0, draft, onChange);
  const version = load.assessment_version ?? 1;
  if (!layer) return <p>{words.t("load.noLayers")}</p>;
  const about = { n: layerNumber(layer.index), s: words.number(layer.key_frame_s, 1), weight: words.percent(layer.weight) };
  const doubt = { unknown: words.percent(layer.unknown), confidence: words.percent(layer.confidence) };
  return (
    <div className="pictures">
      <FrameView
        load={load.id}
        version={version}
        layer={layer}
        pen={drawn?.pen ?? null}
        {...(drawn && { marks: (ratio) => <Regions drawn={drawn} ratio={ratio} /> })}
      />
      {drawn && <LayerCorrection drawn={drawn} layer={layer} standard={load.standard} />}
      <LayerStrip
        load={load.id}
        version={version}
        standard={load.standard}
        layers={layers}
        chosen={layer.index}
        onChoose={(index) => setAt(layers.findIndex((one) => one.index === index))}
      />
      <section>
        <h2>{words.t("load.layerAt", about)}</h2>
        <p>{words.t("load.layerUnsure", doubt)}</p>
        {layer.corrected && <p className="hint">{words.t("load.layerCorrected")}</p>}
        <GradeMix seen={layer} standard={load.standard} />
        <FormMix seen={layer} />
      </section>
    </div>
  );
}

const History = memo(function History({ reviews }: { reviews: Shape<"ReviewShown">[] }) {
  const words = useWords();
  if (reviews.length === 0) return null;
  return (
    <section>
      <h2>{words.t("load.history")}</h2>
      <ol className="history">
        {reviews.map((review) => (
          <li key={review.at}>
            <b>{words.t(`decide.${review.decision}`)}</b> {reasonTold(review.reason, words.language)}
            <small>
              {words.t("load.by", { who: plainName(review.actor), at: words.moment(review.at) })}{" "}
              {words.t("load.version", { n: review.version })}
            </small>
          </li>
        ))}
      </ol>
    </section>
  );
});

const Provenance = memo(function Provenance({ load, report }: { load: Shape<"LoadShown">; report: Shape<"Report"> }) {
  const words = useWords();
  const names = useNames();
  const { model, software } = report.versions;
  const made = {
    model: `${model.name} ${model.version}`,
    standard: names.standard(load.standard, words.language),
    software,
  };
  return (
    <p className="provenance">
      {words.t("load.version", { n: load.assessment_version ?? 0 })}. {words.t("load.model", made)}.{" "}
      <a href={`/v1/loads/${encodeURIComponent(load.id)}/report.html`}>{words.t("load.report")}</a>
    </p>
  );
});
