import { useEffect, useRef, useState } from "react";
import { ask, place, read, type Shape } from "../api.ts";
import { amount, deductionRange } from "../parts/deduction.tsx";
import { Failed } from "../parts/failed.tsx";
import { LayerGrades, LayerStrip } from "../parts/layer-strip.tsx";
import { GradeMix, type Layer } from "../parts/mixes.tsx";
import { useNames } from "../names.ts";
import { follow, go } from "../route.ts";
import { useWords } from "../show.ts";
import { useLoaded } from "../use-loaded.ts";
import { useNews } from "../use-news.ts";

const PICTURE_EVERY_MS = 2000;
const PICTURE_PX = 640;

interface Lane {
  /** What is known of the load: of an open one so far, else of the last one. */
  load: Shape<"LoadShown"> | null;
  isOpen: boolean;
  cameras: Shape<"CameraShown">[];
}

/** What the settled layers of an open load come to, else its assessment; null while nothing is known. */
async function readReport({ id, assessment_version: version }: Shape<"LoadShown">, isOpen: boolean): Promise<Shape<"Report"> | null> {
  if (!isOpen) return version === null ? null : read("/v1/loads/{load_id}/assessments/{version}", { load_id: id, version });
  const answer = await ask("GET", place("/v1/loads/{load}/so-far", { load: id }));
  return answer.status === 204 ? null : ((await answer.json()) as Shape<"Report">);
}

async function readLane(lane: string): Promise<Lane> {
  const { open_load, newest_load, cameras } = await read("/v1/lanes/{lane}", { lane });
  return { load: newest_load, isOpen: open_load !== null, cameras };
}

export function LivePage() {
  const words = useWords();
  const { value, failed, again } = useLoaded("lanes", () => read("/v1/lanes"));
  return (
    <>
      <h1>{words.t("live.title")}</h1>
      {failed && <Failed why={failed} again={again} />}
      {value?.lanes.length === 0 && <p className="empty">{words.t("live.noLanes")}</p>}
      <div className="lanes">
        {value?.lanes.map((lane) => (
          <LaneCard key={lane.id} id={lane.id} />
        ))}
      </div>
    </>
  );
}

function LaneCard({ id }: { id: string }) {
  const words = useWords();
  const { value, failed, again } = useLoaded(`lane ${id}`, () => readLane(id));
  const loadId = value?.load?.id;
  useNews(again, ({ kind, subject }) => {
    return subject === `lane:${id}` || subject === `load:${loadId}` || kind === "load.opened" || kind === "stream.opened";
  });
  return (
    <section className="lane" aria-labelledby={`lane-${id}`}>
      <h2 id={`lane-${id}`}>{words.t("live.lane", { lane: id })}</h2>
      {failed && <Failed why={failed} again={again} />}
      {value && (
        <>
          <Cameras lane={id} cameras={value.cameras} isOpen={value.isOpen} />
          {value.load ? <LoadNow lane={value} load={value.load} /> : <p>{words.t("live.empty")}</p>}
        </>
      )}
    </section>
  );
}

function Cameras({ lane, cameras, isOpen }: { lane: string; cameras: Shape<"CameraShown">[]; isOpen: boolean }) {
  const words = useWords();
  if (cameras.length === 0) return <p className="camera">{words.t("camera.none")}</p>;
  return (
    <div className="cameras">
      {cameras.map((camera) => (
        <figure key={camera.camera} className={camera.state}>
          <NewestFrame lane={lane} camera={camera.camera} isOpen={isOpen} />
          <figcaption>
            {words.t("camera.since", { camera: camera.camera, state: words.t(`camera.${camera.state}`), since: words.time(camera.since) })}
          </figcaption>
        </figure>
      ))}
    </div>
  );
}

/** The newest picture of a camera; while a truck is unloaded the next one is asked for some time after one has come.
 *
 * It is drawn, not put into an img: a browser keeps the decoded pictures of many addresses that one has had, hundreds of
 * megabytes of them (bench/console_speed.py).
 */
function NewestFrame({ lane, camera, isOpen }: { lane: string; camera: string; isOpen: boolean }) {
  const words = useWords();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [missing, setMissing] = useState(false);
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let left = false;
    const show = async (): Promise<void> => {
      const drawn = await draw(canvas.current, place("/v1/lanes/{lane}/cameras/{camera}/frame", { lane, camera }, { width: PICTURE_PX })).catch(() => false);
      if (left) return;
      setMissing(!drawn);
      if (isOpen) timer = setTimeout(() => void show(), PICTURE_EVERY_MS);
    };
    void show();
    return () => {
      left = true;
      clearTimeout(timer);
    };
  }, [lane, camera, isOpen]);
  return (
    <>
      <canvas ref={canvas} hidden={missing} role="img" aria-label={words.t("live.frame", { camera })} />
      {missing && <p className="no-picture">{words.t("live.noFrame")}</p>}
    </>
  );
}

async function draw(canvas: HTMLCanvasElement | null, address: string): Promise<boolean> {
  const answer = await ask("GET", address, undefined, { Accept: "image/jpeg" });
  const picture = await createImageBitmap(await answer.blob());
  if (canvas) {
    canvas.width = picture.width;
    canvas.height = picture.height;
    canvas.getContext("2d")?.drawImage(picture, 0, 0);
  }
  picture.close();
  return true;
}

function LoadNow({ lane, load }: { lane: Lane; load: Shape<"LoadShown"> }) {
  const words = useWords();
  const names = useNames();
  const { isOpen } = lane;
  // The server sums up between two frames, so this comes later than the rest, and only where it can be another.
  const of = JSON.stringify([isOpen ? load.layers_so_far : load.assessment_version, load.weights]);
  const summed = useRef(of);
  const { value: report, failed, again } = useLoaded(`report ${load.id} ${isOpen}`, () => readReport(load, isOpen));
  useEffect(() => {
    if (summed.current === of) return;
    summed.current = of;
    again();
  }, [of, again]);
  const path = `/loads/${encodeURIComponent(load.id)}`;
  return (
    <div className="load-now">
      <h3>
        {!isOpen && <small>{words.t("live.last")}: </small>}
        <a {...follow(path)}>{load.plate ?? load.id}</a> <small>{words.t(`status.${load.status}`)}</small>{" "}
        {load.hazards.length > 0 && <em>{words.t("live.danger")}</em>}
      </h3>
      {isOpen && (
        <>
          <p>{words.t("live.frames", { watched: load.frames.watched, stored: load.frames.stored })}</p>
          <Growing count={load.layers_so_far} layers={report?.layers ?? []} standard={load.standard} />
          <p className="hint">{words.t(report ? "live.running" : "live.notYet")}</p>
        </>
      )}
      {failed && <Failed why={failed} again={again} />}
      {report && (
        <>
          {!isOpen && (
            <LayerStrip
              load={load.id}
              version={load.assessment_version ?? 1}
              standard={load.standard}
              layers={report.layers}
              chosen={-1}
              onChoose={() => go(path)}
            />
          )}
          <p className="result">
            <b>
              {report.truck.grade === null ? words.t("load.noGrade") : names.grade(load.standard, report.truck.grade, words.language)}
            </b>{" "}
            {words.t("load.deduction")} {amount(report.truck.deduction.kg, report.truck.deduction.percent_of_net, words)}{" "}
            <small>{deductionRange(report, words)}</small>
          </p>
          <GradeMix seen={report.truck} standard={load.standard} short />
        </>
      )}
    </div>
  );
}

/** A box for every layer that has settled, with its mix as far as that is known, and one for what is being uncovered. */
function Growing({ count, layers, standard }: { count: number; layers: Layer[]; standard: string }) {
  const words = useWords();
  return (
    <div className="growing">
      <p>{words.t("live.layers", { n: count })}</p>
      <ol aria-hidden="true">
        {Array.from({ length: count }, (_, index) => (
          <li key={index}>{layers[index] && <LayerGrades layer={layers[index]} standard={standard} />}</li>
        ))}
        <li className="now" />
      </ol>
    </div>
  );
}
