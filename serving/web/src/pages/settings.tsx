// What a yard decides about itself. Whatever is set here is on the record, with who did it and from when it holds.
import { Lanes } from "../settings/lanes.tsx";
import { Models } from "../settings/models.tsx";
import { People } from "../settings/people.tsx";
import { Standards } from "../settings/standards.tsx";
import { maySeeFigures } from "../figures.ts";
import { follow } from "../route.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";

const SECTIONS = ["standards", "models", "lanes", "people"] as const;

export function SettingsPage({ path, query }: { path: string; query: URLSearchParams }) {
  const words = useWords();
  const me = useMe();
  const mine = SECTIONS.filter((one) => one !== "people" || me?.role === "admin" || me?.role === "auditor");
  const shown = mine.find((one) => path === `/settings/${one}`) ?? "standards";
  if (!maySeeFigures(me)) return <p className="empty">{words.t("settings.notYours")}</p>;
  return (
    <>
      <h1>{words.t("settings.title")}</h1>
      <nav className="filters" aria-label={words.t("settings.title")}>
        {mine.map((one) => (
          <a key={one} {...follow(`/settings/${one}`)} aria-current={one === shown ? "true" : undefined}>
            {words.t(`settings.${one}`)}
          </a>
        ))}
      </nav>
      {shown === "standards" && <Standards key={query.get("edit")} edit={query.get("edit")} />}
      {shown === "models" && <Models />}
      {shown === "lanes" && <Lanes bed={query.get("bed")} />}
      {shown === "people" && <People />}
    </>
  );
}
