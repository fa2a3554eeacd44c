/** What is wrong in the sources' records, by kind: mended there, or set aside with a key. */

import { useEffect, useRef, useState } from "preact/hooks";
import { base } from "../../api/client";
import { numberText } from "../../ui/format";
import { listenForKeys } from "../../ui/keys";
import { query } from "../api";
import { Link } from "../link";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Empty, Failed, Loading } from "../parts/states";
import { type Issue, type IssueCount, mending } from "./api";
import { KINDS, kindWords } from "./kinds";

const SEARCH_MS = 250;
const keyOf = (issue: Issue) => JSON.stringify([issue.kind, issue.connector, issue.remote_id]);

/** `looks`: another number when the customers were looked through anew. */
export function Quality({ looks }: { looks: number }) {
  const [kind, setKind] = useState<string>("number_unusable");
  const [connector, setConnector] = useState("");
  const [typed, setTyped] = useState("");
  const [asked, setAsked] = useState("");
  const [pages, setPages] = useState<(string | null)[]>([null]);
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => {
      setAsked(typed.trim());
      if (typed.trim() !== asked) setPages([null]);
    }, SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const after = pages.at(-1) ?? null;
  const of = JSON.stringify([kind, connector, asked, after, turn, looks]);
  // Each list is drawn anew; the one before stays until the next is here.
  const loaded = useLoaded(
    async () => ({ of, ...(await mending.issues(kind, connector || null, asked, after)) }),
    of,
  );
  const value = loaded.value;
  // It opens on something that is to be mended, if there is anything.
  const opened = useRef(false);
  useEffect(() => {
    if (value === null || opened.current) return;
    opened.current = true;
    const there = Object.keys(KINDS).find((each) => countOf(value.counts, each, "") > 0);
    if (there && countOf(value.counts, kind, "") === 0) setKind(there);
  }, [value]);
  const connectors = [...new Set(value?.counts.map((count) => count.connector) ?? [])];
  const nameOf = (slug: string) => value?.names[slug] ?? slug;
  const choose = (change: () => void) => {
    change();
    setPages([null]);
  };
  return (
    <div class="stack">
      <div class="row-fields">
        <div class="field">
          <label for="quality-kind">What is wrong</label>
          <select
            id="quality-kind"
            value={kind}
            onChange={(event) => choose(() => setKind(event.currentTarget.value))}
          >
            {Object.keys(KINDS).map((each) => (
              <option key={each} value={each}>
                {kindWords(each).title} ({numberText(countOf(value?.counts ?? [], each, connector))}
                )
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="quality-connector">In</label>
          <select
            id="quality-connector"
            value={connector}
            onChange={(event) => choose(() => setConnector(event.currentTarget.value))}
          >
            <option value="">all data sources</option>
            {connectors.filter(Boolean).map((each) => (
              <option key={each} value={each}>
                {nameOf(each)}
              </option>
            ))}
          </select>
        </div>
        <div class="field">
          <label for="quality-search">Search</label>
          <input
            id="quality-search"
            type="search"
            autocomplete="off"
            placeholder="Name, number or e-mail"
            value={typed}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </div>
      </div>
      <p class="quiet">
        {kindWords(kind).advice}{" "}
        <a
          href={new URL(
            `api/v1/customers/quality.csv${query({ kind, connector: connector || null })}`,
            base,
          ).toString()}
          download
        >
          All of them as a CSV file
        </a>
      </p>
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {value === null && loaded.error === null && <Loading lines={8} />}
      {value && (
        <IssueList
          key={value.of}
          items={value.issues}
          isLookedThrough={value.looked_at !== null}
          nameOf={nameOf}
          onUndone={() => setTurn(turn + 1)}
        />
      )}
      {value && (pages.length > 1 || value.next) && (
        <nav class="pager" aria-label="Pages">
          <button
            type="button"
            disabled={pages.length === 1}
            onClick={() => setPages(pages.slice(0, -1))}
          >
            Earlier
          </button>
          <span>Page {pages.length}</span>
          <button
            type="button"
            disabled={value.next === null}
            onClick={() => setPages([...pages, value.next])}
          >
            Further
          </button>
        </nav>
      )}
    </div>
  );
}

const countOf = (counts: readonly IssueCount[], kind: string, connector: string) =>
  counts
    .filter((count) => count.kind === kind && (connector === "" || count.connector === connector))
    .reduce((sum, count) => sum + count.count, 0);

interface ListProps {
  items: Issue[];
  isLookedThrough: boolean;
  /** A connector's name. */
  nameOf: (slug: string) => string;
  onUndone: () => void;
}

/** One record is current: j and k go on, a sets it aside, u takes the last one back. */
function IssueList({ items, isLookedThrough, nameOf, onUndone }: ListProps) {
  const [left, setLeft] = useState(items);
  const [place, setPlace] = useState(0);
  const action = useAction();
  const list = useRef<HTMLUListElement>(null);
  const setAside = async (issue: Issue | undefined) => {
    if (!issue) return;
    const done = await action.run(async () => {
      await mending.setAside(issue);
      return true;
    }, "Set aside: not listed again. Undo with u.");
    if (!done) return;
    setLeft((before) => before.filter((each) => each !== issue));
    setPlace((before) => Math.max(0, Math.min(before, left.length - 2)));
  };
  const undo = async () => {
    const done = await action.run(async () => {
      const last = (await mending.aside())[0];
      if (last) await mending.takeUp(last);
      return last ?? null;
    }, null);
    if (done) onUndone();
    else action.say({ kind: "good", text: "Nothing is set aside." });
  };
  const show = (index: number) => {
    const to = Math.max(0, Math.min(index, left.length - 1));
    setPlace(to);
    list.current?.children[to]?.scrollIntoView({ block: "nearest" });
  };
  const keys = useRef<Record<string, () => void>>({});
  keys.current = {
    j: () => show(place + 1),
    k: () => show(place - 1),
    a: () => void setAside(left[place]),
    u: () => void undo(),
  };
  useEffect(
    () =>
      listenForKeys((key) => {
        const does = keys.current[key];
        does?.();
        return does !== undefined;
      }),
    [],
  );
  return (
    <section class="stack-tight" aria-label="Records to mend">
      <div class="heading-row">
        <StatusLine outcome={action.outcome} />
        <button type="button" disabled={action.isBusy} onClick={() => void undo()}>
          Undo the last <kbd>u</kbd>
        </button>
      </div>
      {left.length === 0 && (
        <Empty>
          {isLookedThrough
            ? "Nothing of this kind is left here."
            : "Whether there is anything to mend is not known yet."}
        </Empty>
      )}
      <ul class="lines" ref={list} hidden={left.length === 0}>
        {left.map((issue, index) => (
          <li
            key={keyOf(issue)}
            class={index === place ? "seen is-current" : "seen"}
            aria-current={index === place ? "true" : undefined}
          >
            <span>
              <strong>
                {issue.customer_id ? (
                  <Link to={`customers/one/${issue.customer_id}`}>
                    <bdi>{issue.display_name}</bdi>
                  </Link>
                ) : (
                  <bdi>{issue.display_name}</bdi>
                )}
              </strong>{" "}
              <span class="quiet">
                <bdi>
                  {issue.connector ? `${nameOf(issue.connector)} ${issue.remote_id}` : "no source"}
                </bdi>
              </span>
              <br />
              <bdi>{issue.text}</bdi>
            </span>
            <button type="button" disabled={action.isBusy} onClick={() => void setAside(issue)}>
              Leave as it is {index === place && <kbd>a</kbd>}
              <span class="sr-only">: {issue.display_name}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
