// Which lists of codes a site works with: its browsers remember it.
import { Store, useStore } from "../store.ts";

export const LISTS = ["hazardous-cn", "general-cn", "eu-low", "us-epa"] as const;
export type List = (typeof LISTS)[number];

const CHOSEN = "loadlens.waste-list";

const chosen = new Store<List | "">(LISTS.find((one) => one === localStorage.getItem(CHOSEN)) ?? "");

/** The list whose codes alone are shown; empty where those of all are. */
export function useList(): List | "" {
  return useStore(chosen);
}

export function chooseList(list: string): void {
  localStorage.setItem(CHOSEN, list);
  chosen.set(LISTS.find((one) => one === list) ?? "");
}
