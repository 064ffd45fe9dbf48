// Where waste stands, and how much of it, as people say it. The service counts in grams and calls places by their ids.
import { read, type Shape } from "../api.ts";
import { decimal, plain } from "../numbers.ts";
import { isTextKey, type Words } from "../texts.ts";

const TONNES_FROM_KG = 10_000;

export interface Place {
  id: string;
  name: string;
}

/** A room as a place to put things. */
export type Room = Pick<Shape<"RoomShort">, "id" | "name" | "zone_names">;

/** Every room, in the order in which people count. */
export async function readRooms(): Promise<Shape<"RoomList">> {
  const { rooms, of_no_room } = await read("/v1/rooms");
  return { rooms: rooms.toSorted((one, other) => one.id.localeCompare(other.id, "en", { numeric: true })), of_no_room };
}

/** The name of a place: a room's own and its zone's, or what we call the others. */
export function placeName(place: string, rooms: Room[], words: Words): string {
  if (!place.startsWith("room:")) {
    const key = `place.${place}`;
    return isTextKey(key) ? words.t(key) : place;
  }
  const [id, zone] = place.slice("room:".length).split("/");
  const name = rooms.find((room) => room.id === id)?.name ?? id ?? "";
  return zone === undefined ? name : words.t("waste.zoneOf", { room: name, zone });
}

/** Everywhere that a container may be put: the floor of the plant, and each room with its zones. */
export function placesToGo(rooms: Room[], words: Words): Place[] {
  const inRooms = rooms.flatMap((room) => [`room:${room.id}`, ...room.zone_names.map((zone) => `room:${room.id}/${zone}`)]);
  return ["floor", ...inRooms, "transit"].map((id) => ({ id, name: placeName(id, rooms, words) }));
}

/** Grams to the gram, as kilograms. */
export function kilograms(grams: number, words: Words): string {
  return words.t("unit.kg", { n: words.number(grams / 1000, 3) });
}

/** Grams as people speak of them: tonnes where there are many. */
export function roughly(grams: number, words: Words): string {
  return grams / 1000 >= TONNES_FROM_KG ? words.t("unit.t", { n: words.number(grams / 1e6, 2) }) : words.kg(grams / 1000);
}

/** What a field takes for kilograms, and for litres. */
export const MASS = decimal(9, 3);
export const VOLUME = decimal(8, 1);

/** Whether a field that takes this would let it through. */
export function isTyped(taken: string, typed: string): boolean {
  return new RegExp(`^${taken}$`).test(typed.trim());
}

/** Kilograms that a person has typed, as grams; null where they are none, or finer than a gram. */
export function gramsOf(typed: string): number | null {
  const grams = isTyped(MASS, typed) ? Math.round(Number(plain(typed)) * 1000) : 0;
  return grams > 0 ? grams : null;
}
