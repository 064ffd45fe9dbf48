// Reads QR codes off a video where the browser cannot do it itself. Loaded only there.
import decodeQR from "qr/decode.js";
import type { Detector } from "./use-camera.ts";

// Long enough to find a label that is held askew, short enough that the picture still follows the hand.
const TIME_LIMIT_MS = 100;

export function qrReader(): Detector {
  const canvas = document.createElement("canvas");
  const drawing = canvas.getContext("2d", { willReadFrequently: true })!;
  return {
    async detect(video) {
      canvas.width = video.videoWidth;
      canvas.height = video.videoHeight;
      drawing.drawImage(video, 0, 0);
      try {
        return [{ rawValue: decodeQR(drawing.getImageData(0, 0, canvas.width, canvas.height), { timeLimit: TIME_LIMIT_MS }) }];
      } catch {
        return []; // it raises where it finds none
      }
    },
  };
}
