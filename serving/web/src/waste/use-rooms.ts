// Which rooms and zones there are, as it was known last: a phone in a store room needs them without a network too. Only
// names are kept, nothing that changes by the hour.
import { useLoaded } from "../use-loaded.ts";
import { readRooms, type Room } from "./places.ts";

const KEPT = "loadlens.rooms";

async function readNames(): Promise<Room[]> {
  const { rooms } = await readRooms();
  const names = rooms.map(({ id, name, zone_names }) => ({ id, name, zone_names }));
  localStorage.setItem(KEPT, JSON.stringify(names));
  return names;
}

export function useRooms(): Room[] {
  return useLoaded("names of rooms", readNames).value ?? (JSON.parse(localStorage.getItem(KEPT) ?? "[]") as Room[]);
}
