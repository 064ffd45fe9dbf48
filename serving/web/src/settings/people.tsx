// Who may come in: people by invitation, machines by a key that is shown once.
import { type FormEvent, useState } from "react";
import { place, read, type Shape } from "../api.ts";
import { Confirm } from "../parts/confirm.tsx";
import { Failed } from "../parts/failed.tsx";
import { Rows } from "../parts/rows.tsx";
import { Secret } from "../parts/secret.tsx";
import { plainName, useMe } from "../session.ts";
import { useWords } from "../show.ts";
import { useDoing } from "../use-doing.ts";
import { useLoaded } from "../use-loaded.ts";

type Role = Shape<"Role">;
const ROLES: Role[] = ["camera", "inspector", "manager", "auditor", "admin"];
const OF_PEOPLE = ROLES.filter((role) => role !== "camera");
const OF_LANES: Role[] = ["camera", "inspector"];
const KEY_DAYS = 365;

interface Told {
  about: string;
  secret: string;
}

export function People() {
  return (
    <>
      <Users />
      <Keys />
    </>
  );
}

function Users() {
  const words = useWords();
  const mayChange = useMe()?.role === "admin";
  const { value, failed, again } = useLoaded("users", () => read("/v1/users"));
  const { busy, problem, send } = useDoing();
  const [told, setTold] = useState<Told | null>(null);
  const tell = (name: string, link: string): void => {
    setTold({ about: words.t("people.link", { name }), secret: location.origin + link });
    again();
  };
  const invite = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const asked = { name: String(given.get("name")), role: String(given.get("role")) };
    const made = await send<{ link: string }>("POST", "/v1/users", asked);
    if (!made) return;
    tell(asked.name, made.link);
    form.reset();
  };
  const reinvite = async (name: string): Promise<void> => {
    const made = await send<{ link: string }>("POST", place("/v1/users/{name}/invitation", { name }));
    if (made) tell(name, made.link);
  };
  const change = async (name: string, by: unknown): Promise<void> => {
    if (await send("PATCH", place("/v1/users/{name}", { name }), by)) again();
  };
  return (
    <section className="card">
      <h2>{words.t("people.title")}</h2>
      {failed && <Failed why={failed} again={again} />}
      {told && <Secret {...told} onDone={() => setTold(null)} />}
      <p className="problem" role="alert">
        {problem}
      </p>
      <Rows
        head={[words.t("session.name"), words.t("people.role"), words.t("people.state"), words.t("people.since"), words.t("people.change")]}
        rows={(value?.users ?? []).map((user) => ({
          key: user.name,
          cells: [
            user.name,
            mayChange ? (
              <RoleOf user={user} busy={busy} onRole={(role) => void change(user.name, { role })} />
            ) : (
              words.t(`role.${user.role}`)
            ),
            stateOf(user),
            words.moment(user.created_at),
            mayChange && (
              <span className="choices">
                {user.identity === null && (
                  <Confirm
                    text={words.t("people.newPassword")}
                    ask={words.t("people.newPasswordAsk", { name: user.name })}
                    disabled={busy}
                    onYes={() => void reinvite(user.name)}
                  />
                )}
                {user.is_active ? (
                  <Confirm
                    text={words.t("people.shutOut")}
                    ask={words.t("people.shutOutAsk", { name: user.name })}
                    disabled={busy}
                    onYes={() => void change(user.name, { is_active: false })}
                  />
                ) : (
                  <button type="button" disabled={busy} onClick={() => void change(user.name, { is_active: true })}>
                    {words.t("people.letIn")}
                  </button>
                )}
              </span>
            ),
          ],
        }))}
      />
      {mayChange && (
        <form className="row-form" onSubmit={(event) => void invite(event)}>
          <label>
            {words.t("people.newName")}
            <input name="name" required maxLength={64} pattern="\w[\w.@\-]*" autoComplete="off" />
          </label>
          <label>
            {words.t("people.role")}
            <select name="role" defaultValue="inspector">
              {OF_PEOPLE.map((role) => (
                <option key={role} value={role}>
                  {words.t(`role.${role}`)}
                </option>
              ))}
            </select>
          </label>
          <button className="main" disabled={busy}>
            {words.t("people.invite")}
          </button>
        </form>
      )}
    </section>
  );

  function stateOf(user: Shape<"UserShown">): string {
    if (!user.is_active) return words.t("people.isOut");
    if (user.identity !== null) return words.t("people.vouched");
    return words.t(user.has_password ? "people.isIn" : "people.waits");
  }
}

/** Choosing gives no role yet: by keys every role on the way to the one that is meant is chosen too. */
function RoleOf({ user, busy, onRole }: { user: Shape<"UserShown">; busy: boolean; onRole: (role: Role) => void }) {
  const words = useWords();
  const [chosen, setChosen] = useState<Role | null>(null);
  const shown = chosen ?? user.role;
  return (
    <span className="choices">
      <select
        aria-label={words.t("people.roleOf", { name: user.name })}
        value={shown}
        disabled={busy || user.identity !== null}
        onChange={(event) => setChosen(event.target.value as Role)}
      >
        {OF_PEOPLE.map((role) => (
          <option key={role} value={role}>
            {words.t(`role.${role}`)}
          </option>
        ))}
      </select>
      {shown !== user.role && (
        <button type="button" disabled={busy} onClick={() => onRole(shown)}>
          {words.t("people.giveRole", { role: words.t(`role.${shown}`) })}
        </button>
      )}
    </span>
  );
}

function Keys() {
  const words = useWords();
  const mayChange = useMe()?.role === "admin";
  const { value, failed, again } = useLoaded("keys", () => read("/v1/keys"));
  const lanes = useLoaded("lanes", () => read("/v1/lanes")).value?.lanes ?? [];
  const { busy, problem, send } = useDoing();
  const [told, setTold] = useState<Told | null>(null);
  const [all, setAll] = useState(false);
  const [role, setRole] = useState<Role>("camera");
  const make = async (asked: object): Promise<boolean> => {
    const made = await send<Shape<"KeyMade">>("POST", "/v1/keys", asked);
    if (!made) return false;
    setTold({ about: words.t("keyring.made", { id: made.id, name: made.name }), secret: made.key });
    again();
    return true;
  };
  const add = async (event: FormEvent<HTMLFormElement>): Promise<void> => {
    event.preventDefault();
    const form = event.currentTarget;
    const given = new FormData(form);
    const asked = { name: String(given.get("name")), role, lane: String(given.get("lane") ?? "") || null, days: Number(given.get("days")) };
    if (await make(asked)) form.reset();
  };
  const revoke = async (id: string): Promise<void> => {
    if (await send("DELETE", place("/v1/keys/{key_id}", { key_id: id }))) again();
  };
  const now = new Date().toISOString();
  const isGood = (key: Shape<"KeyShown">): boolean => key.revoked_at === null && key.expires_at > now;
  const keys = (value?.keys ?? []).toReversed();
  const shown = keys.filter((key) => all || isGood(key));
  return (
    <section className="card">
      <h2>{words.t("keyring.title")}</h2>
      {failed && <Failed why={failed} again={again} />}
      {told && <Secret {...told} onDone={() => setTold(null)} />}
      <p className="problem" role="alert">
        {problem}
      </p>
      {shown.length === 0 && value && <p>{words.t("keyring.none")}</p>}
      {shown.length > 0 && (
        <Rows
          head={(["what", "id", "role", "lane", "until", "change"] as const).map((name) => words.t(`keyring.${name}`))}
          rows={shown.map((key) => ({
            key: key.id,
            cells: [
              key.name,
              <>
                <code>{key.id}</code>
                <small>{words.t("load.by", { who: plainName(key.created_by), at: words.moment(key.created_at) })}</small>
              </>,
              words.t(`role.${key.role}`),
              key.lane ?? words.t("keyring.everyLane"),
              untilWhen(key),
              mayChange && isGood(key) && (
                <span className="choices">
                  <button
                    type="button"
                    disabled={busy}
                    title={words.t("keyring.rotateWhat")}
                    onClick={() => void make({ name: key.name, role: key.role, lane: key.lane, days: KEY_DAYS, replaces: key.id })}
                  >
                    {words.t("keyring.rotate")}
                  </button>
                  <Confirm
                    text={words.t("keyring.revoke")}
                    ask={words.t("keyring.revokeAsk", { id: key.id })}
                    disabled={busy}
                    onYes={() => void revoke(key.id)}
                  />
                </span>
              ),
            ],
          }))}
        />
      )}
      <label className="tick" hidden={keys.every(isGood)}>
        <input type="checkbox" checked={all} onChange={(event) => setAll(event.target.checked)} />
        {words.t("keyring.all", { n: keys.length - keys.filter(isGood).length })}
      </label>
      {mayChange && (
        <form className="row-form" onSubmit={(event) => void add(event)}>
          <label>
            {words.t("keyring.what")}
            <input name="name" required maxLength={100} autoComplete="off" />
          </label>
          <label>
            {words.t("keyring.role")}
            <select value={role} onChange={(event) => setRole(event.target.value as Role)}>
              {ROLES.map((one) => (
                <option key={one} value={one}>
                  {words.t(`role.${one}`)}
                </option>
              ))}
            </select>
          </label>
          {OF_LANES.includes(role) && (
            <label>
              {words.t("keyring.lane")}
              <select name="lane">
                <option value="">{words.t("keyring.everyLane")}</option>
                {lanes.map((lane) => (
                  <option key={lane.id}>{lane.id}</option>
                ))}
              </select>
            </label>
          )}
          <label>
            {words.t("keyring.days")}
            <input name="days" type="number" min={1} max={3650} defaultValue={KEY_DAYS} required />
          </label>
          <button className="main" disabled={busy}>
            {words.t("keyring.add")}
          </button>
        </form>
      )}
    </section>
  );

  function untilWhen(key: Shape<"KeyShown">): string {
    if (key.revoked_at !== null) return words.t("keyring.revoked", { at: words.moment(key.revoked_at) });
    return key.expires_at <= now ? words.t("keyring.expired", { at: words.moment(key.expires_at) }) : words.moment(key.expires_at);
  }
}
