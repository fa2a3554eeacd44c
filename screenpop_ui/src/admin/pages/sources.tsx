/** Data sources: how each stands, and a new one. */

import { useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { Link } from "../link";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Heading, Loading } from "../parts/states";
import { Rows } from "../parts/table";
import { go } from "../router";
import { type Source, type SourceKind, sources, type Unpublished } from "../studio/api";
import { bringsWords, partWords, type State, stateOf, syncWords } from "../studio/state";

const readAll = () => Promise.all([sources.list(), sources.drafts(), sources.kinds()]);

interface Row {
  slug: string;
  name: string;
  kind: string;
  state: State;
  source: Source | null;
  draft: Unpublished | null;
}

export function SourcesPage() {
  const loaded = useLoaded(readAll, null, { everyMs: 5_000 });
  const [isAdding, setAdding] = useState(false);
  const [live, drafts, kinds] = loaded.value ?? [null, [], []];
  const rows: Row[] = [...(live ?? []).map(rowOf), ...drafts.map(draftRow)];
  const isEmpty = live !== null && rows.length === 0;
  return (
    <>
      <Heading
        title="Data sources"
        actions={
          live !== null &&
          !isEmpty && (
            <button
              type="button"
              class="primary"
              aria-expanded={isAdding}
              onClick={() => setAdding(!isAdding)}
            >
              Add a data source
            </button>
          )
        }
      >
        Where the facts of a pop come from: who is calling, what they owe, what they bought. Sources
        are only ever read.
      </Heading>
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {live === null && loaded.error === null && <Loading />}
      {(isAdding || isEmpty) && <Kinds kinds={kinds} />}
      {rows.length > 0 && (
        <Rows
          label="Data sources"
          rows={rows}
          keyOf={(row) => row.slug}
          columns={[
            {
              title: "Name",
              cell: (row) => (
                <Link to={`sources/${row.slug}`}>
                  <bdi>{row.name}</bdi>
                </Link>
              ),
            },
            {
              title: "Kind",
              isExtra: true,
              cell: (row) => kinds.find((kind) => kind.kind === row.kind)?.title ?? row.kind,
            },
            {
              title: "State",
              cell: (row) => <Mark state={row.state} hasDraft={row.source?.has_draft ?? false} />,
            },
            { title: "Last sync", isExtra: true, cell: (row) => <LastSync source={row.source} /> },
          ]}
        />
      )}
    </>
  );
}

const rowOf = (source: Source): Row => ({
  slug: source.slug,
  name: source.name ?? source.slug,
  kind: source.kind,
  state: stateOf(source),
  source,
  draft: null,
});

const draftRow = (draft: Unpublished): Row => ({
  slug: draft.slug,
  name: draft.name ?? draft.slug,
  kind: draft.kind,
  state: { tone: "quiet", icon: "half", text: "draft, not live yet" },
  source: null,
  draft,
});

export function Mark({ state, hasDraft = false }: { state: State; hasDraft?: boolean }) {
  return (
    <span class={`mark is-${state.tone}`}>
      <Icon name={state.icon} /> {state.text}
      {hasDraft && <span class="quiet"> · changes not published</span>}
    </span>
  );
}

function LastSync({ source }: { source: Source | null }) {
  const parts = Object.entries(source?.sync ?? {});
  if (parts.length === 0) return <span class="quiet">{source ? "asked live" : ""}</span>;
  return (
    <ul>
      {parts.map(([name, sync]) => (
        <li key={name}>
          {partWords(name)}: {syncWords(sync, sync.finished_at === null)}
          {sync.finished_at && (
            <span class="quiet">
              {" "}
              · <Moment at={sync.finished_at} />
            </span>
          )}
        </li>
      ))}
    </ul>
  );
}

interface Choice {
  to: string;
  title: string;
  summary: string;
  brings: string[] | null;
  needs: string[];
}

function Kinds({ kinds }: { kinds: SourceKind[] }) {
  const [typed, setTyped] = useState("");
  const wanted = typed.trim().toLowerCase();
  const found = kinds
    .flatMap(choicesOf)
    .filter((each) => `${each.title} ${each.summary} ${each.to}`.toLowerCase().includes(wanted));
  return (
    <section class="stack-tight" aria-labelledby="kinds">
      <h2 id="kinds">Where are the facts kept?</h2>
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
          None by that name. Any database fits “Database (SQL)”, any service with an API “Web
          service (REST)”, and any export “File (CSV, Excel)”.
        </Empty>
      )}
      <ul class="cards">
        {found.map((each) => (
          <li key={each.to}>
            <button type="button" class="choice" onClick={() => go(each.to)}>
              <strong>{each.title}</strong>
              <span class="quiet">{each.summary}</span>
              {each.brings && <small>Can bring: {bringsWords(each.brings)}</small>}
              {each.needs.length > 0 && <small>Needs: {each.needs.join(", ")}</small>}
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** A kind and its presets; a preset is a kind whose mapping is done. */
function choicesOf(kind: SourceKind): Choice[] {
  if (kind.broken !== null) return [];
  const { title, summary, brings, needs } = kind;
  const own = { to: `sources/+${kind.kind}`, title, summary, brings, needs };
  const presets = kind.presets.map((preset) => ({
    to: `sources/+${kind.kind}/${preset.name}`,
    title: preset.title,
    summary: preset.summary,
    brings: null,
    needs: Object.values(preset.needs),
  }));
  return [own, ...presets];
}
