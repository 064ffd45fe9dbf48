// How the console shows itself: its language, and light or dark. Kept in the browser, because it is the browser's matter.
import { Store, useStore } from "./store.ts";
import { type Language, Words } from "./texts.ts";

type Theme = "light" | "dark";

const LANGUAGE = "loadlens.language";
const THEME = "loadlens.theme";

function firstLanguage(): Language {
  const kept = localStorage.getItem(LANGUAGE) ?? navigator.language;
  return kept.startsWith("zh") ? "zh" : "en";
}

const words = new Store(new Words(firstLanguage()));
const theme = new Store<Theme | null>(localStorage.getItem(THEME) as Theme | null);

function apply(): void {
  document.documentElement.lang = words.get().locale;
  const chosen = theme.get();
  if (chosen) document.documentElement.dataset["theme"] = chosen;
}

export function useWords(): Words {
  return useStore(words);
}

export function otherLanguage(): void {
  const language = words.get().language === "en" ? "zh" : "en";
  localStorage.setItem(LANGUAGE, language);
  words.set(new Words(language));
  apply();
}

export function otherTheme(): void {
  const shown = theme.get() ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  const next = shown === "dark" ? "light" : "dark";
  localStorage.setItem(THEME, next);
  theme.set(next);
  apply();
}

apply();
