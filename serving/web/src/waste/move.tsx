// Where a container is to go. The move is sent when it can be; the service knows where it stood, and does it once.
import { type FormEvent, useState } from "react";
import { isUnderway, outbox, useOutbox } from "../decisions.ts";
import { useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { placesToGo } from "./places.ts";
import { mayAct } from "./roles.ts";
import { useRooms } from "./use-rooms.ts";

interface Moving {
  /** What was scanned: the whole link where there is one, because its signature is checked when it arrives. */
  code: string;
  /** What the container is called. */
  container: string;
  /** Where it stands, as far as that is known. */
  stands: string[];
  onMoved?: () => void;
}

export function Move({ code, container, stands, onMoved }: Moving) {
  const words = useWords();
  const me = useMe();
  const rooms = useRooms();
  const [chosen, setChosen] = useState("");
  const underway = isUnderway(useOutbox(), "wasteMove", { container });
  if (!mayAct(me)) return null;
  const places = placesToGo(rooms, words).filter(({ id }) => !(stands.length === 1 && stands[0] === id));
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const to = places.find(({ id }) => id === chosen);
    if (to === undefined) return;
    const body = { id: crypto.randomUUID(), code, place: to.id, at: new Date().toISOString() };
    outbox.add({ who: me!.name, path: "/v1/waste/moves", body, ifMatch: null, text: "wasteMove", about: { container, place: to.name } });
    onMoved?.();
  };
  if (underway) return <p className="hint">{words.t("waste.move.underway")}</p>;
  return (
    <form className="move" onSubmit={submit}>
      <label>
        {words.t("waste.move.where")}
        <select value={chosen} onChange={(event) => setChosen(event.target.value)} required>
          <option value="">{words.t("waste.choose")}</option>
          {places.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <button className="main">{words.t("waste.move.commit")}</button>
    </form>
  );
}
