/** Extensions that phone systems name and nobody has: given to somebody with one click. */

import { useState } from "preact/hooks";
import { plural } from "../../ui/format";
import type { PageOf } from "../api";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { phones, type SeenExtension } from "../phones/api";
import { type Person, people } from "./api";

interface Props {
  version: number;
  onAdd: (seen: SeenExtension) => void;
  onGiven: () => void;
}

export function Learned({ version, onAdd, onGiven }: Props) {
  const seen = useLoaded(phones.unknownExtensions, version, { everyMs: 5_000 });
  if (!seen.value || seen.value.length === 0) return null;
  return (
    <section class="card" aria-labelledby="learned">
      <h2 id="learned">Seen in calls, and nobody's yet</h2>
      <ul class="stack-tight">
        {seen.value.slice(0, 20).map((each) => (
          <Seen key={each.extension} seen={each} onAdd={onAdd} onGiven={onGiven} />
        ))}
      </ul>
      {seen.value.length > 20 && <p class="quiet">and {seen.value.length - 20} more</p>}
    </section>
  );
}

function Seen({ seen, onAdd, onGiven }: { seen: SeenExtension } & Omit<Props, "version">) {
  const [isGiving, setGiving] = useState(false);
  return (
    <li class="seen">
      <span>
        <strong>
          <bdi>{seen.extension}</bdi>
        </strong>{" "}
        <span class="quiet">
          {plural(seen.events, "event")} of {seen.phone_system}, last{" "}
          <Moment at={seen.last_seen_at} />
          {seen.queues.length > 0 && `, queue ${seen.queues.join(", ")}`}
        </span>
      </span>
      <span class="actions">
        <button type="button" onClick={() => onAdd(seen)}>
          New person<span class="sr-only"> with extension {seen.extension}</span>
        </button>
        <button type="button" aria-expanded={isGiving} onClick={() => setGiving(!isGiving)}>
          Give to…<span class="sr-only"> somebody: extension {seen.extension}</span>
        </button>
      </span>
      {isGiving && <Give seen={seen} onGiven={onGiven} />}
    </li>
  );
}

function Give({ seen, onGiven }: { seen: SeenExtension; onGiven: () => void }) {
  const [typed, setTyped] = useState("");
  const found = useLoaded<PageOf<Person>>(() => people.list(typed.trim(), 5, 0), typed);
  const action = useAction();
  const give = async (person: Person) => {
    const extensions = [...person.extensions, seen.extension];
    const queues = [...new Set([...person.queues, ...seen.queues])];
    const done = await action.run(
      () => people.change(person.user_id, { extensions, queues }, person.version),
      null,
    );
    if (done) onGiven();
  };
  return (
    <div class="give">
      <input
        type="search"
        autocomplete="off"
        aria-label={`Who has extension ${seen.extension}?`}
        placeholder="Name or e-mail"
        value={typed}
        ref={(node) => {
          if (node && document.activeElement === document.body) node.focus();
        }}
        onInput={(event) => setTyped(event.currentTarget.value)}
      />
      {found.value?.items.map((person) => (
        <button key={person.user_id} type="button" onClick={() => void give(person)}>
          <bdi>{person.name}</bdi>
        </button>
      ))}
      {found.value?.items.length === 0 && <span class="quiet">nobody by that name</span>}
      <StatusLine outcome={action.outcome} />
    </div>
  );
}
