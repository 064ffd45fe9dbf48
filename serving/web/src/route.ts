// Which page is shown: addresses are real ones, so that every view can be a link.
import { type MouseEvent } from "react";
import { Store, useStore } from "./store.ts";

export interface Route {
  path: string;
  query: URLSearchParams;
}

const BASE = "/console";

function here(): Route {
  return { path: location.pathname.slice(BASE.length) || "/", query: new URLSearchParams(location.search) };
}

const route = new Store<Route>(here());
addEventListener("popstate", () => route.set(here()));

export function useRoute(): Route {
  return useStore(route);
}

/** The address of a page. */
export function linkTo(path: string): string {
  return BASE + path;
}

export function go(path: string): void {
  const from = location.pathname;
  history.pushState(null, "", linkTo(path));
  route.set(here());
  scrollTo(0, 0);
  // Whatever had the focus is gone, or would take the keys that are meant for the new page.
  if (location.pathname !== from) document.getElementById("content")?.focus({ preventScroll: true });
}

/** For links: a plain click stays in the page, any other does what the browser does. */
export function follow(path: string): { href: string; onClick: (event: MouseEvent) => void } {
  return {
    href: linkTo(path),
    onClick: (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      go(path);
    },
  };
}
