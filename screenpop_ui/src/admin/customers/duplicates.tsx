/** Likely duplicates, one at a time: both sides' facts, decided with a key, undone with a key. */

import { useEffect, useRef, useState } from "preact/hooks";
import { plural } from "../../ui/format";
import { Icon } from "../../ui/icon";
import { listenForKeys } from "../../ui/keys";
import { me } from "../me";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Loading } from "../parts/states";
import { type Decided, mending, type Proposal, type Proposals, type Side } from "./api";
import { compared, plain } from "./compare";

const SEARCH_MS = 250;

/** `looks`: another number when the customers were looked through anew. */
export function Duplicates({ looks }: { looks: number }) {
  const [typed, setTyped] = useState("");
  const [asked, setAsked] = useState("");
  const [turn, setTurn] = useState(0);
  /** How many were decided since the list was read. */
  const [done, setDone] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => setAsked(typed.trim()), SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const of = `${asked} ${turn} ${looks}`;
  // Each list is drawn anew; the one before stays until the next is here.
  const first = useLoaded(async () => {
    const found = await mending.duplicates(asked, null);
    setDone(0);
    return { of, ...found };
  }, of);
  const decided = useLoaded(mending.decided, turn);
  const open = Math.max(0, (first.value?.open ?? 0) - done);
  // What was done here counts at once: the next key must not undo what the list still says.
  const onDecided = (made: Decided) => {
    setDone((before) => before + 1);
    decided.set([made, ...(decided.value ?? [])]);
    void decided.refresh();
  };
  const onReopened = (proposalId: number) => {
    decided.set((decided.value ?? []).filter((each) => each.proposal_id !== proposalId));
    setTurn((before) => before + 1);
  };
  return (
    <div class="stack">
      <div class="table-search">
        <label for="duplicates-search">Search</label>
        <input
          id="duplicates-search"
          type="search"
          autocomplete="off"
          placeholder="Name, number or e-mail"
          value={typed}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
        <span class="quiet" role="status">
          {open > 0 && `${plural(open, "pair waits", "pairs wait")} in all`}
        </span>
      </div>
      {first.error !== null && <Failed error={first.error} onRetry={() => void first.refresh()} />}
      {first.value === null && first.error === null && <Loading lines={8} />}
      {first.value && (
        <Pairs
          key={first.value.of}
          asked={asked}
          first={first.value}
          last={decided.value?.[0] ?? null}
          onDecided={onDecided}
          onReopened={onReopened}
        />
      )}
      {decided.value && decided.value.length > 0 && (
        <DecidedList items={decided.value} onReopened={onReopened} />
      )}
    </div>
  );
}

interface PairsProps {
  asked: string;
  first: Proposals;
  /** What was decided last, to be undone with one key. */
  last: Decided | null;
  onDecided: (made: Decided) => void;
  onReopened: (proposalId: number) => void;
}

function Pairs({ asked, first, last, onDecided, onReopened }: PairsProps) {
  const [pairs, setPairs] = useState(first.proposals);
  const [next, setNext] = useState(first.next);
  const [place, setPlace] = useState(0);
  const [stays, setStays] = useState<"left" | "right">("left");
  const action = useAction();
  const pair = pairs[place] ?? null;
  const show = (index: number) => {
    setStays("left");
    setPlace(Math.max(0, Math.min(index, pairs.length - 1)));
  };
  const readOn = async () => {
    if (next === null) return;
    const more = await action.run(() => mending.duplicates(asked, next), null);
    if (!more) return;
    setPairs((before) => [...before, ...more.proposals]);
    setNext(more.next);
  };
  useEffect(() => {
    if (next !== null && place >= pairs.length - 2) void readOn();
  }, [place, pairs.length]);
  const decide = async (decision: "same" | "different") => {
    if (pair === null) return;
    const survivor = decision === "same" ? pair[stays].customer_id : null;
    const words =
      decision === "same" ? "They are one customer now." : "They stay two: not asked again.";
    const done = await action.run(async () => {
      await mending.decide(pair.proposal_id, decision, survivor);
      return true;
    }, `${words} Undo with u.`);
    if (!done) return;
    setPairs((before) => before.filter((each) => each !== pair));
    setPlace((before) => Math.max(0, Math.min(before, pairs.length - 2)));
    setStays("left");
    onDecided(decidedNow(pair, decision));
  };
  const undo = async () => {
    if (last === null) return;
    const done = await action.run(async () => {
      await mending.undo(last.proposal_id);
      return true;
    }, "Taken back.");
    if (done) onReopened(last.proposal_id);
  };
  const keys = useRef<Record<string, () => void>>({});
  keys.current = {
    s: () => void decide("same"),
    d: () => void decide("different"),
    u: () => void undo(),
    j: () => show(place + 1),
    k: () => show(place - 1),
    ArrowLeft: () => setStays("left"),
    ArrowRight: () => setStays("right"),
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
    <section class={pair ? "card" : "stack-tight"} aria-label="The pair to decide">
      {pair === null ? (
        <Empty>{nothingWords(asked, first.looked_at)}</Empty>
      ) : (
        <>
          <div class="heading-row">
            <h2>
              Are these the same? <span class="quiet">{percent(pair.score)} likely</span>
            </h2>
            <div class="actions">
              <button type="button" disabled={place === 0} onClick={() => show(place - 1)}>
                Earlier <kbd>k</kbd>
              </button>
              <button
                type="button"
                disabled={place >= pairs.length - 1}
                onClick={() => show(place + 1)}
              >
                Further <kbd>j</kbd>
              </button>
            </div>
          </div>
          <Facts pair={pair} names={first.names} stays={stays} onStays={setStays} />
          <ul class="reasons">
            {pair.reasons.map((reason) => (
              <li key={reason}>
                <bdi>{reason}</bdi>
              </li>
            ))}
          </ul>
          <div class="actions">
            <button
              type="button"
              class="primary"
              disabled={action.isBusy}
              onClick={() => void decide("same")}
            >
              The same <kbd>s</kbd>
            </button>
            <button type="button" disabled={action.isBusy} onClick={() => void decide("different")}>
              Different <kbd>d</kbd>
            </button>
          </div>
        </>
      )}
      <div class="heading-row">
        <StatusLine outcome={action.outcome} />
        {last !== null && (
          <button type="button" disabled={action.isBusy} onClick={() => void undo()}>
            Undo the last <kbd>u</kbd>
          </button>
        )}
      </div>
    </section>
  );
}

/** A decision as the list will have it. */
function decidedNow(pair: Proposal, decision: Decided["decision"]): Decided {
  const side = ({ customer_id, display_name }: Side) => ({
    customer_id,
    display_name: display_name ?? null,
  });
  return {
    proposal_id: pair.proposal_id,
    decision,
    left: side(pair.left),
    right: side(pair.right),
    decided_at: new Date().toISOString(),
    decided_by: me.value?.name ?? null,
  };
}

/** Why there is no pair; before the first look it is not known whether there are any. */
export function nothingWords(asked: string, lookedAt: string | null): string {
  if (lookedAt === null) return "Whether there are duplicates is not known yet.";
  return asked ? `No pair is found for “${asked}”.` : "No likely duplicates wait to be decided.";
}

// Never certain: that is for a person to say.
const percent = (score: number) => `${Math.min(99, Math.round(score * 100))} %`;

interface FactsProps {
  pair: Proposal;
  names: Proposals["names"];
  stays: "left" | "right";
  onStays: (side: "left" | "right") => void;
}

function Facts({ pair, names, stays, onStays }: FactsProps) {
  const facts = compared(pair.left, pair.right, names);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard.
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields.
    <div class="table-scroll" tabIndex={0} role="group" aria-label="Both sides">
      <table class="table compare">
        <thead>
          <tr>
            <th scope="col">
              <span class="sr-only">Fact</span>
            </th>
            {(["left", "right"] as const).map((side) => (
              <th key={side} scope="col">
                <label class="check">
                  <input
                    type="radio"
                    name="stays"
                    checked={stays === side}
                    onChange={() => onStays(side)}
                  />
                  <span>
                    <bdi>{nameOf(pair[side])}</bdi>{" "}
                    {stays === side && <span class="quiet">keeps its id</span>}
                  </span>
                </label>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {facts.map((fact) => (
            <tr key={fact.title}>
              <th scope="row">{fact.title}</th>
              <Values values={fact.left} shared={fact.shared} />
              <Values values={fact.right} shared={fact.shared} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Values({ values, shared }: { values: string[]; shared: ReadonlySet<string> }) {
  return (
    <td>
      {values.length === 0 && <span class="quiet">nothing</span>}
      {values.map((value) => (
        <div key={value}>
          <bdi>{value}</bdi>
          {shared.has(plain(value)) && (
            <span class="mark is-good">
              {" "}
              <Icon name="check" /> both
            </span>
          )}
        </div>
      ))}
    </td>
  );
}

const nameOf = (side: Side) =>
  side.display_name ?? side.records[0]?.display_name ?? "A customer that is gone";

interface DecidedProps {
  items: Decided[];
  onReopened: (proposalId: number) => void;
}

function DecidedList({ items, onReopened }: DecidedProps) {
  const action = useAction();
  const undo = async (item: Decided) => {
    const done = await action.run(async () => {
      await mending.undo(item.proposal_id);
      return true;
    }, null);
    if (done) onReopened(item.proposal_id);
  };
  return (
    <section class="stack-tight" aria-labelledby="decided">
      <h2 id="decided">Decided lately</h2>
      <StatusLine outcome={action.outcome} />
      <ul class="lines">
        {items.map((item) => (
          <li key={item.proposal_id} class="seen">
            <span>
              <bdi>{item.left.display_name ?? "one that is gone"}</bdi> and{" "}
              <bdi>{item.right.display_name ?? "one that is gone"}</bdi>:{" "}
              <strong>{item.decision === "same" ? "the same" : "different"}</strong>{" "}
              <span class="quiet">
                {item.decided_by ?? "somebody who is gone"}, <Moment at={item.decided_at} />
              </span>
            </span>
            <button type="button" disabled={action.isBusy} onClick={() => void undo(item)}>
              Undo<span class="sr-only"> {item.left.display_name ?? item.right.display_name}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}
