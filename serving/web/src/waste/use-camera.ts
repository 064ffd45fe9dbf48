// A camera that looks for a code, where the browser can read one: many phones can, most desks cannot.
import { type RefObject, useEffect, useState } from "react";

interface Detector {
  detect(source: HTMLVideoElement): Promise<{ rawValue: string }[]>;
}

declare global {
  interface Window {
    BarcodeDetector?: new (options: { formats: string[] }) => Detector;
  }
}

const LOOK_EVERY_MS = 200;

/** Whether this browser can read codes by its camera at all. */
export function canLook(): boolean {
  return window.BarcodeDetector !== undefined && navigator.mediaDevices !== undefined;
}

/** While `on`, show the camera in `video` and tell each code that it sees; returns why the camera cannot be used. */
export function useCamera(video: RefObject<HTMLVideoElement | null>, on: boolean, onCode: (code: string) => void): string {
  const [problem, setProblem] = useState("");
  useEffect(() => {
    const Detects = window.BarcodeDetector;
    if (!on || Detects === undefined) return;
    let stream: MediaStream | null = null;
    let left = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const detector = new Detects({ formats: ["qr_code", "code_128"] });
    const look = async (): Promise<void> => {
      const shown = video.current;
      if (left || shown === null) return;
      const found = shown.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? await detector.detect(shown) : [];
      if (left) return;
      if (found[0]) onCode(found[0].rawValue);
      else timer = setTimeout(() => void look(), LOOK_EVERY_MS);
    };
    const begin = async (): Promise<void> => {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (left) return stream.getTracks().forEach((track) => track.stop());
      if (video.current) video.current.srcObject = stream;
      await look();
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
