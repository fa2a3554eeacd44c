/** Phone systems: the list, and a new one. */

import { useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { Link } from "../link";
import { useLoaded } from "../parts/loaded";
import { Empty, Failed, Heading, Loading } from "../parts/states";
import { Rows } from "../parts/table";
import { type PhoneKind, type PhoneSystem, phones } from "../phones/api";
import { go } from "../router";

const readAll = () => Promise.all([phones.list(), phones.kinds()]);

export function PhonesPage() {
  const loaded = useLoaded(readAll, null, { everyMs: 5_000 });
  const [isAdding, setAdding] = useState(false);
  const [systems, kinds] = loaded.value ?? [null, []];
  const isEmpty = systems?.length === 0;
  return (
    <>
      <Heading
        title="Phone systems"
        actions={
          !isEmpty &&
          systems && (
            <button
              type="button"
              class="primary"
              aria-expanded={isAdding}
              onClick={() => setAdding(!isAdding)}
            >
              Add a phone system
            </button>
          )
        }
      >
        They tell screenpop that a phone rings, and whose. Each sends its events to an address of
        its own, or screenpop connects to it.
      </Heading>
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {systems === null && loaded.error === null && <Loading />}
      {(isAdding || isEmpty) && <Kinds kinds={kinds} />}
      {systems && systems.length > 0 && (
        <Rows
          label="Phone systems"
          rows={systems}
          keyOf={(system) => system.slug}
          columns={[
            {
              title: "Name",
              cell: (system) => (
                <Link to={`phones/${system.slug}`}>
                  <bdi>{system.name ?? system.slug}</bdi>
                </Link>
              ),
            },
            {
              title: "Kind",
              cell: (system) =>
                kinds.find((kind) => kind.kind === system.kind)?.title ?? system.kind,
            },
            { title: "State", cell: (system) => <State system={system} /> },
          ]}
        />
      )}
    </>
  );
}

export function State({ system }: { system: PhoneSystem }) {
  if (system.fault) {
    return (
      <span class="mark is-bad">
        <Icon name="warn" /> does not work
      </span>
    );
  }
  if (!system.health) {
    return (
      <span class="mark is-good">
        <Icon name="check" /> listening
      </span>
    );
  }
  return system.health.connected ? (
    <span class="mark is-good">
      <Icon name="check" /> connected
    </span>
  ) : (
    <span class="mark is-bad">
      <Icon name="warn" /> not connected
    </span>
  );
}

function Kinds({ kinds }: { kinds: PhoneKind[] }) {
  const [typed, setTyped] = useState("");
  const wanted = typed.trim().toLowerCase();
  const found = kinds.filter((kind) =>
    `${kind.title} ${kind.kind} ${kind.summary}`.toLowerCase().includes(wanted),
  );
  return (
    <section class="stack-tight" aria-labelledby="kinds">
      <h2 id="kinds">Which phone system do you have?</h2>
      <div class="table-search">
        <label for="kind-search">Search</label>
        <input
          id="kind-search"
          type="search"
          autocomplete="off"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </div>
      {found.length === 0 && (
        <Empty>
          None by that name. A phone system that can send a web request fits “Generic webhook”.
        </Empty>
      )}
      <ul class="cards">
        {found.map((kind) => (
          <li key={kind.kind}>
            <button type="button" class="choice" onClick={() => go(`phones/+${kind.kind}`)}>
              <strong>{kind.title}</strong>
              <span class="quiet">{kind.summary}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
