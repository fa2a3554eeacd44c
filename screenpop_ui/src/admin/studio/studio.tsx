/** The studio of a source: connect, map, try, check; compare, history, publish. */

import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { Field } from "../../forms/field";
import { Icon } from "../../ui/icon";
import { isChangedMeanwhile } from "../api";
import { Mark } from "../pages/sources";
import { StatusLine, useAction } from "../parts/action";
import { Heading } from "../parts/states";
import { slugOf } from "../phones/form";
import { addressOf, go, path, unsaved } from "../router";
import { type Fields, type Source, type SourceKind, sources, type Version } from "./api";
import { ChecksStep } from "./checks";
import { Compare } from "./compare";
import { ConnectStep } from "./connect";
import { History } from "./history";
import { MapStep } from "./map";
import { Publishing } from "./publishing";
import { fieldsOfVersion, mappedNames, newFields, stateOf } from "./state";
import { SyncPanel } from "./sync";
import { TryStep } from "./try";

interface Props {
  kind: SourceKind;
  source: Source | null;
  versions: Version[];
  /** What a new source begins with; null where there is one. */
  begins: Fields | null;
  slug?: string;
  onChanged: () => Promise<void>;
}

const STEPS = ["connect", "map", "try", "checks"] as const;
const MORE = ["compare", "history", "sync"] as const;
type View = (typeof STEPS)[number] | (typeof MORE)[number];
const TITLES: Record<View, string> = {
  connect: "Connect",
  map: "Map",
  try: "Try",
  checks: "Checks",
  compare: "Compare",
  history: "History",
  sync: "Sync",
};

/** Which step of a source is shown: kept when its address becomes its own on the first save. */
const views = signal<Record<string, View>>({});

/** The source that has just got an address of its own: its page begins by saying so. */
const firstSaved = signal<string | null>(null);
const SAVED = "The draft is saved. What is live has not changed.";

/** What every step works on. */
export interface Desk {
  kind: SourceKind;
  slug: string;
  source: Source | null;
  typed: Fields;
  change: (changes: Partial<Fields>) => void;
  errors: { pointer: string; detail: string }[];
  /** The settings as the server showed them: secrets that read "set" are kept there. */
  kept: Fields | null;
  /** It has no address of its own yet: saving it shows the same page there. */
  isNew: boolean;
  /** Save what is typed as the draft, unless nothing is new; false when it was refused. */
  save: () => Promise<boolean>;
  isSaved: boolean;
}

export function Studio({ kind, source, versions, begins, slug: given, onChanged }: Props) {
  const draft = versions.find((each) => each.state === "draft") ?? null;
  const newest = draft ?? versions.find((each) => each.state === "live") ?? versions[0] ?? null;
  const saved = newest ? fieldsOfVersion(newest) : null;
  const [typed, setTyped] = useState<Fields>(() => saved ?? begins ?? newFields(kind, null));
  const [newSlug, setNewSlug] = useState(() => slugOf(begins?.name ?? "", kind.kind));
  const [isTyped, setIsTyped] = useState(begins !== null);
  const [seen, setSeen] = useState(draft?.created_at ?? null);
  const [live, setLive] = useState(source?.version ?? 0);
  const [faults, setFaults] = useState(draft?.faults ?? []);
  const [note, setNote] = useState(draft?.note ?? "");
  const action = useAction();
  const slug = given ?? newSlug.trim();
  const view = views.value[slug] ?? "connect";
  const setView = (to: View) => {
    views.value = { ...views.value, [slug]: to };
  };
  const change = (changes: Partial<Fields>) => {
    setTyped((before) => ({ ...before, ...changes }));
    setIsTyped(true);
    if (action.outcome?.kind === "good") action.clear();
    unsaved.value = `the draft of ${typed.name ?? kind.title}`;
  };
  useEffect(() => {
    if (given !== undefined && firstSaved.value === given) {
      action.say({ kind: "good", text: SAVED });
      firstSaved.value = null;
    }
    return () => {
      unsaved.value = null;
    };
  }, []);
  const took = (version: Version) => {
    setTyped(fieldsOfVersion(version));
    setIsTyped(false);
    setSeen(version.created_at);
    setFaults(version.faults);
    unsaved.value = null;
  };
  const save = async (): Promise<boolean> => {
    if (!isTyped) return true;
    const version = await action.run(
      () => sources.saveDraft(slug, typed, note.trim() || null, live, seen),
      SAVED,
    );
    if (!version) return false;
    took(version);
    if (given === undefined) {
      // The same page under its own address.
      firstSaved.value = slug;
      path.value = `sources/${slug}`;
      history.replaceState(null, "", addressOf(`sources/${slug}`));
    } else {
      await onChanged();
    }
    return true;
  };
  const desk: Desk = {
    kind,
    slug,
    source,
    typed,
    change,
    errors: action.errors.length > 0 ? action.errors : faults,
    kept: saved,
    save,
    isSaved: !isTyped,
    isNew: given === undefined,
  };
  const after = async (text: string) => {
    action.say({ kind: "good", text });
    const now = await sources.read(slug);
    setLive(now.version ?? 0);
    setSeen(null);
    setFaults([]);
    setNote("");
    setTyped(fieldsOfLive(now));
    setIsTyped(false);
    unsaved.value = null;
    await onChanged();
  };
  const drop = async () => {
    const done = await action.run(() => sources.dropDraft(slug).then(() => true), null);
    if (done) await after("The draft is gone; what is live has not changed.");
  };
  const takeOut = async () => {
    const done = await action.run(() => sources.remove(slug).then(() => true), null);
    if (!done) return;
    unsaved.value = null;
    go("sources");
  };
  const theirs = async () => {
    const [now, all] = await Promise.all([
      sources.read(slug).catch(() => null),
      sources.versions(slug),
    ]);
    setLive(now?.version ?? 0);
    return all.find((each) => each.state === "draft") ?? all.find((each) => each.state === "live");
  };
  const isTaken = isChangedMeanwhile(action.error);
  const title = typed.name ?? kind.title;
  return (
    <>
      <Heading
        title={title}
        up={{ to: "sources", title: "Data sources" }}
        actions={
          <Publishing desk={desk} action={action} live={live} onDone={after} hasDraft={!!draft} />
        }
      >
        {kind.title}
      </Heading>
      <p class="studio-state">
        {source ? (
          <Mark state={stateOf(source)} hasDraft={draft !== null} />
        ) : (
          <span class="mark is-quiet">
            <Icon name="half" /> not live yet
          </span>
        )}
        {isTyped && <span class="mark is-warn"> · not saved</span>}
      </p>
      <StatusLine outcome={action.outcome} />
      {isTaken && (
        <div class="actions">
          <button
            type="button"
            onClick={() =>
              void action.run(async () => {
                const now = await theirs();
                if (now) took(now);
                if (now?.state !== "draft") setSeen(null);
              }, "This is what they saved.")
            }
          >
            Show what they saved
          </button>
          <button
            type="button"
            onClick={() =>
              void action.run(async () => {
                const now = await theirs();
                setSeen(now?.state === "draft" ? now.created_at : null);
              }, "What you typed is kept: save again to put it over theirs.")
            }
          >
            Keep what I typed
          </button>
        </div>
      )}
      <nav class="studio-steps" aria-label="Steps">
        <ol>
          {STEPS.map((each, index) => (
            <li key={each}>
              <Tab view={each} now={view} onOpen={setView} number={index + 1} />
            </li>
          ))}
        </ol>
        {given !== undefined && (
          <ul>
            {MORE.map((each) => (
              <li key={each}>
                <Tab view={each} now={view} onOpen={setView} />
              </li>
            ))}
          </ul>
        )}
      </nav>
      <div class="stack">
        {view === "connect" && (
          <ConnectStep desk={desk} onSlug={given === undefined ? setNewSlug : null} />
        )}
        {view === "map" && <MapStep desk={desk} />}
        {view === "try" && <TryStep desk={desk} />}
        {view === "checks" && <ChecksStep desk={desk} />}
        {view === "compare" && (
          <Compare
            source={source}
            draft={typed}
            versions={versions}
            onDrop={draft ? () => void drop() : null}
          />
        )}
        {view === "history" && (
          <History
            slug={slug}
            versions={versions}
            live={live}
            onDone={after}
            onRemove={source ? () => void takeOut() : null}
          />
        )}
        {view === "sync" && <SyncPanel slug={slug} isLive={source !== null} />}
        {(view === "connect" || view === "map") && (
          <Field label="Note for the history" hint="In a line: what changes, and why.">
            {(control) => (
              <input
                {...control}
                type="text"
                autocomplete="off"
                maxLength={200}
                value={note}
                onInput={(event) => {
                  setNote(event.currentTarget.value);
                  change({});
                }}
              />
            )}
          </Field>
        )}
        {(view === "connect" || view === "map") && (
          <div class="actions">
            <button
              type="button"
              class="primary"
              disabled={action.isBusy}
              onClick={() => void save()}
            >
              Save draft
            </button>
            <button
              type="button"
              disabled={action.isBusy}
              onClick={() => {
                void save().then((isDone) => isDone && setView(view === "connect" ? "map" : "try"));
              }}
            >
              {mappedNames(kind.kind, kind.settings_schema).length > 0 && view === "connect"
                ? "Save and go on to 2 Map"
                : "Save and go on to 3 Try"}
            </button>
          </div>
        )}
      </div>
    </>
  );
}

interface TabProps {
  view: View;
  now: View;
  onOpen: (view: View) => void;
  number?: number;
}

function Tab({ view, now, onOpen, number }: TabProps) {
  return (
    <button
      type="button"
      class="studio-step"
      aria-current={view === now ? "step" : undefined}
      onClick={() => onOpen(view)}
    >
      {number !== undefined && `${number} `}
      {TITLES[view]}
    </button>
  );
}

const fieldsOfLive = (source: Source): Fields => ({
  kind: source.kind,
  name: source.name,
  settings: source.settings ?? {},
  region: source.region,
  timeout_ms: source.timeout_ms,
  cache_s: source.cache_s,
  priority: source.priority,
  enabled: source.enabled,
});
