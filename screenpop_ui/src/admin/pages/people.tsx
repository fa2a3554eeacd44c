/** People: the list, new ones, a file of them, and extensions learned from calls. */

import { useState } from "preact/hooks";
import { Link } from "../link";
import { Heading } from "../parts/states";
import { Table } from "../parts/table";
import { people } from "../people/api";
import { PersonForm } from "../people/form";
import { Import } from "../people/import";
import { Learned } from "../people/learned";
import { OnePerson } from "../people/person";
import type { SeenExtension } from "../phones/api";
import { unsaved } from "../router";

const ROLES = { agent: "agent", supervisor: "supervisor", admin: "administrator" };

export function PeoplePage({ slug }: { slug: string }) {
  return slug ? <OnePerson id={slug} key={slug} /> : <Everybody />;
}

type Open = { kind: "new"; seen: SeenExtension | null } | { kind: "import" } | null;

function Everybody() {
  const [version, setVersion] = useState(0);
  const [open, setOpen] = useState<Open>(null);
  const again = () => setVersion((before) => before + 1);
  const toggle = (next: NonNullable<Open>) => {
    unsaved.value = null;
    setOpen(open?.kind === next.kind ? null : next);
  };
  return (
    <>
      <Heading
        title="People"
        actions={
          <>
            <button
              type="button"
              class="primary"
              aria-expanded={open?.kind === "new"}
              onClick={() => toggle({ kind: "new", seen: null })}
            >
              Add a person
            </button>
            <button
              type="button"
              aria-expanded={open?.kind === "import"}
              onClick={() => toggle({ kind: "import" })}
            >
              Import from CSV
            </button>
          </>
        }
      >
        Who takes calls, at which extension, for which queue; and who may change what.
      </Heading>
      <div class="stack">
        {open?.kind === "new" && (
          <section class="card" aria-labelledby="new-person">
            <h2 id="new-person">A new person</h2>
            <PersonForm
              key={open.seen?.extension ?? ""}
              person={null}
              extension={open.seen?.extension ?? ""}
              queues={open.seen?.queues ?? []}
              onSaved={() => {
                setOpen(null);
                again();
              }}
            />
          </section>
        )}
        {open?.kind === "import" && <Import onDone={again} />}
        <Learned
          version={version}
          onAdd={(seen) => setOpen({ kind: "new", seen })}
          onGiven={again}
        />
        <Table
          label="People"
          searchLabel="Search by name, e-mail or extension"
          version={version}
          read={people.list}
          keyOf={(person) => person.user_id}
          none="Nobody yet."
          columns={[
            {
              title: "Name",
              cell: (person) => (
                <Link to={`people/${person.user_id}`}>
                  <bdi>{person.name}</bdi>
                </Link>
              ),
            },
            { title: "E-mail", cell: (person) => <bdi>{person.email}</bdi>, isExtra: true },
            {
              title: "Role",
              cell: (person) =>
                person.disabled ? <span class="quiet">disabled</span> : ROLES[person.role],
            },
            { title: "Extensions", cell: (person) => person.extensions.join(", ") },
            { title: "Queues", cell: (person) => person.queues.join(", "), isExtra: true },
          ]}
        />
      </div>
    </>
  );
}
