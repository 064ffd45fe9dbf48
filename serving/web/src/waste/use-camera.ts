// A camera that looks for a code: by the browser's own reader where it has one, as many phones do, else by ours.
import { type RefObject, useEffect, useState } from "react";

export interface Detector {
  detect(video: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

interface Reader {
  new (options: { formats: string[] }): Detector;
  getSupportedFormats(): Promise<string[]>;
}

declare global {
  interface Window {
    BarcodeDetector?: Reader;
  }
}

// What is given without asking, 640 by 480 on many phones, is too coarse for the small squares of a label's code.
const FINE = { width: { ideal: 1920 }, height: { ideal: 1080 } };
const FORMATS = ["qr_code", "code_128"];

const LOOK_EVERY_MS = 200;

/** Whether there may be a camera at all: browsers give one to pages over HTTPS alone. */
export function canLook(): boolean {
  return navigator.mediaDevices !== undefined;
}

async function detectorHere(): Promise<Detector> {
  const Own = window.BarcodeDetector;
  // Some browsers have the name and can read nothing.
  const able = (await Own?.getSupportedFormats()) ?? [];
  if (Own && able.includes("qr_code")) return new Own({ formats: FORMATS.filter((one) => able.includes(one)) });
  return (await import("./read-qr.ts")).qrReader();
}

/** While `on`, show the camera in `video` and tell each code that it sees; returns why the camera cannot be used. */
export function useCamera(video: RefObject<HTMLVideoElement | null>, on: boolean, onCode: (code: string) => void): string {
  const [problem, setProblem] = useState("");
  useEffect(() => {
    if (!on) return;
    let stream: MediaStream | null = null;
    let left = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async (detector: Detector): Promise<void> => {
      const shown = video.current;
      if (left || shown === null) return;
      const found = shown.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? await detector.detect(shown) : [];
      if (left) return;
      if (found[0]) onCode(found[0].rawValue);
      else timer = setTimeout(() => void look(detector), LOOK_EVERY_MS);
    };
    const begin = async (): Promise<void> => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment", ...FINE } });
      if (left) return stream.getTracks().forEach((track) => track.stop());
      if (video.current) video.current.srcObject = stream;
      await look(await detectorHere());
    };
    begin().catch((error: unknown) => setProblem((error as Error).message));
    return () => {
      left = true;
      clearTimeout(timer);
      stream?.getTracks().forEach((track) => track.stop());
    };
  }, [video, on, onCode]);
  return problem;
}
