import { useState } from "react";
import { maySeeFigures } from "../figures.ts";
import { follow, useRoute } from "../route.ts";
import { plainName, signOut, useMe, useSession } from "../session.ts";
import { otherLanguage, otherTheme, useWords } from "../show.ts";
import { letGoOfAll } from "../use-claim.ts";

export function Header({ onKeys }: { onKeys: () => void }) {
  const words = useWords();
  const session = useSession();
  const me = useMe();
  const [isStuck, setStuck] = useState(false);
  return (
    <header className="top">
      <nav aria-label={words.t("nav.main")}>
        <NavLink path="/" text={words.t("nav.live")} />
        <NavLink path="/queue" text={words.t("nav.queue")} />
        <NavLink path="/loads" text={words.t("nav.loads")} />
        <NavLink path="/waste" text={words.t("nav.waste")} />
        {maySeeFigures(me) && <NavLink path="/figures" text={words.t("nav.figures")} />}
        {maySeeFigures(me) && <NavLink path="/settings" text={words.t("nav.settings")} />}
      </nav>
      <div className="tools">
        <button type="button" className="quiet" onClick={onKeys}>
          {words.t("show.keys")}
        </button>
        <button type="button" className="quiet" onClick={otherTheme}>
          {words.t("show.theme")}
        </button>
        <button type="button" className="quiet" lang={words.language === "en" ? "zh-CN" : "en"} onClick={otherLanguage}>
          {words.t("show.language")}
        </button>
        {session.is === "in" && (
          <button
            type="button"
            className="quiet"
            onClick={() => void letGoOfAll().then(signOut).then((isOut) => setStuck(!isOut))}
          >
            {words.t("session.signOut", { name: plainName(session.who.name) })}
          </button>
        )}
      </div>
      {isStuck && session.is === "in" && (
        <p className="bar away" role="alert">
          {words.t("session.notOut", { name: plainName(session.who.name) })}
        </p>
      )}
    </header>
  );
}

function NavLink({ path, text }: { path: string; text: string }) {
  const here = useRoute().path;
  const isHere = path === "/" ? here === "/" : here.startsWith(path);
  return (
    <a {...follow(path)} aria-current={isHere ? "page" : undefined}>
      {text}
    </a>
  );
}
