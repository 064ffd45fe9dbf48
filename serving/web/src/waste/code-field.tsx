// Where a code comes in: by the camera where the browser reads codes, by a hand scanner that types, or by hand.
import { type FormEvent, useCallback, useRef, useState } from "react";
import { useWords } from "../show.ts";
import { canLook, useCamera } from "./use-camera.ts";

interface Field {
  text: string;
  busy: boolean;
  onCode: (code: string) => void;
}

export function CodeField({ text, busy, onCode }: Field) {
  const words = useWords();
  const [looking, setLooking] = useState(false);
  const video = useRef<HTMLVideoElement>(null);
  const seen = useCallback(
    (code: string) => {
      setLooking(false);
      onCode(code);
    },
    [onCode],
  );
  const problem = useCamera(video, looking, seen);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = event.currentTarget;
    const code = String(new FormData(form).get("code")).trim();
    // What a hand scanner types next is another code, not more of this one.
    form.reset();
    if (code) onCode(code);
  };
  return (
    <div className="code-field">
      {canLook() && (
        <button type="button" className="main" onClick={() => setLooking(!looking)}>
          {words.t(looking ? "waste.scan.stop" : "waste.scan.camera")}
        </button>
      )}
      {looking && <video ref={video} autoPlay playsInline muted aria-label={words.t("waste.scan.view")} />}
      {problem && (
        <p className="problem" role="alert">
          {words.t("waste.scan.noCamera", { why: problem })}
        </p>
      )}
      <form className="link" onSubmit={submit}>
        <label>
          {text}
          <input name="code" maxLength={500} autoComplete="off" autoCapitalize="characters" spellCheck={false} required autoFocus />
        </label>
        <button disabled={busy}>{words.t("waste.scan.read")}</button>
      </form>
    </div>
  );
}
