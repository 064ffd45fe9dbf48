import { type FormEvent, useEffect, useRef, useState } from "react";
import { Problem, read } from "../api.ts";
import { signIn } from "../session.ts";
import { otherLanguage, useWords } from "../show.ts";
import { Sentence } from "./sentence.tsx";

/** Asks for name and password over the page, which keeps what was entered in it. */
export function SignIn({ again }: { again: boolean }) {
  const words = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const [oidc, setOidc] = useState(false);
  useEffect(() => void dialog.current?.showModal(), []);
  useEffect(() => {
    // Where this is not known, a name and a password are still asked for.
    read("/v1/oidc").then(({ oidc }) => setOidc(oidc), () => undefined);
  }, []);
  const submit = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    setBusy(true);
    try {
      await signIn(String(given.get("name")), String(given.get("password")));
    } catch (error) {
      setProblem(error instanceof Problem ? error.message : words.t("net.unreachable"));
      setBusy(false);
    }
  };
  return (
    <dialog ref={dialog} className="sign-in" aria-labelledby="sign-in" onCancel={(event) => event.preventDefault()}>
      <form onSubmit={(event) => void submit(event)}>
        <h1 id="sign-in">{words.t("app.name")}</h1>
        {again && <p>{words.t("session.again")}</p>}
        {oidc && (
          <>
            <a className="main" href="/v1/oidc/login">
              {words.t("session.elsewhere")}
            </a>
            <p className="hint">{words.t("session.or")}</p>
          </>
        )}
        <label>
          {words.t("session.name")}
          <input name="name" autoComplete="username" maxLength={64} required autoFocus />
        </label>
        <label>
          {words.t("session.password")}
          <input name="password" type="password" autoComplete="current-password" maxLength={256} required />
        </label>
        <button className="main" disabled={busy}>
          {words.t("session.signIn")}
        </button>
        {/* That of the page lies under this dialog. */}
        <button type="button" className="quiet" lang={words.language === "en" ? "zh-CN" : "en"} onClick={otherLanguage}>
          {words.t("show.language")}
        </button>
        <p role="alert" className="problem">
          <Sentence code="login" why={problem} />
        </p>
      </form>
    </dialog>
  );
}
