// The sound of an alarm: two tones in turn, made here, so that there is no file that could be missing.
import { useEffect, useState } from "react";

const TONES_HZ = [880, 660];
const EVERY_MS = 900;
const LOUDNESS = 0.25;

let context: AudioContext | null = null;

function tone(on: AudioContext, frequency: number): void {
  const oscillator = on.createOscillator();
  const gain = on.createGain();
  oscillator.frequency.value = frequency;
  gain.gain.setValueAtTime(LOUDNESS, on.currentTime);
  gain.gain.exponentialRampToValueAtTime(0.001, on.currentTime + 0.4);
  oscillator.connect(gain).connect(on.destination);
  oscillator.start();
  oscillator.stop(on.currentTime + 0.4);
}

/** Sounds while it is on the page. Returns whether the browser keeps it silent until a person presses, and that press. */
export function useSiren(): [boolean, () => void] {
  const [isSilent, setSilent] = useState(false);
  useEffect(() => {
    context ??= new AudioContext();
    const on = context;
    let turn = 0;
    const sound = (): void => {
      setSilent(on.state !== "running");
      if (on.state === "running") tone(on, TONES_HZ[turn++ % TONES_HZ.length]!);
    };
    const timer = setInterval(sound, EVERY_MS);
    sound();
    return () => clearInterval(timer);
  }, []);
  return [isSilent, () => void context?.resume().then(() => setSilent(false))];
}
