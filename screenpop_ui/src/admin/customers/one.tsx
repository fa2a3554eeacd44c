/** One customer: its records and why each is there, taken out and put back, merges undone. */

import { useState } from "preact/hooks";
import { Link } from "../link";
import { Confirm, StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Loading } from "../parts/states";
import { type Linked, type Merge, mending, type OneCustomer } from "./api";

export function One({ id }: { id: string }) {
  const loaded = useLoaded(() => mending.customer(id), id);
  const action = useAction();
  const [reason, setReason] = useState("");
  const customer = loaded.value;
  const change = async <Done,>(work: () => Promise<Done>, words: (done: Done) => string) => {
    const done = await action.run(work, null);
    if (done === null) return;
    setReason("");
    await loaded.refresh();
    action.say({ kind: "good", text: words(done) });
  };
  const takeOut = (record: Linked) =>
    change(
      () => mending.takeOut(id, record, reason.trim()),
      ({ calls, calls_kept }) =>
        `${record.display_name} is a customer of its own now, with ${callsText(calls)}.${
          calls_kept > 0 ? ` ${callsText(calls_kept)} of either of them stay here.` : ""
        }`,
    );
  const putBack = (merge: Merge) =>
    change(
      () => mending.putBack(merge.merge_id),
      ({ joined }) =>
        joined
          ? "They are one customer again."
          : "Taken back, but nothing joins them now: merge them if they are one.",
    );
  const undo = (merge: Merge) =>
    change(
      () => mending.undoMerge(merge.merge_id),
      () => "They are two customers again.",
    );
  if (loaded.error !== null && customer === null) {
    return <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />;
  }
  if (customer === null) return <Loading lines={8} />;
  return (
    <div class="stack">
      <StatusLine outcome={action.outcome} />
      <section class="stack-tight" aria-labelledby="records">
        <h2 id="records">
          <bdi>{customer.display_name}</bdi>
        </h2>
        {customer.records.length > 1 && (
          <div class="field">
            <label for="take-out-reason">Why a record is not this customer’s (kept with it)</label>
            <input
              id="take-out-reason"
              type="text"
              maxLength={200}
              autocomplete="off"
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
            />
          </div>
        )}
        <Records customer={customer} isBusy={action.isBusy} onTakeOut={takeOut} />
      </section>
      {customer.merges.length > 0 && (
        <section class="stack-tight" aria-labelledby="merges">
          <h2 id="merges">What was joined and parted</h2>
          <ul class="lines">
            {customer.merges.map((merge) => (
              <li key={merge.merge_id} class="seen">
                <History merge={merge} here={customer.customer_id} />
                {merge.kept_apart && (
                  <button
                    type="button"
                    disabled={action.isBusy}
                    onClick={() => void putBack(merge)}
                  >
                    Put it back
                  </button>
                )}
                {merge.made_by === "user" && merge.undone_at === null && (
                  <Confirm
                    disabled={action.isBusy}
                    question="Make two customers of them again?"
                    yes="Undo it"
                    onYes={() => void undo(merge)}
                  >
                    Undo
                  </Confirm>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
    </div>
  );
}

const callsText = (count: number) => (count === 1 ? "1 call" : `${count} calls`);

interface RecordsProps {
  customer: OneCustomer;
  isBusy: boolean;
  onTakeOut: (record: Linked) => Promise<void>;
}

function Records({ customer, isBusy, onTakeOut }: RecordsProps) {
  if (customer.records.length === 0) return <Empty>No data source has this customer now.</Empty>;
  return (
    <ul class="lines">
      {customer.records.map((record) => (
        <li key={`${record.connector} ${record.remote_id}`} class="seen">
          <span>
            <strong>
              <bdi>{record.display_name}</bdi>
            </strong>{" "}
            <span class="quiet">
              <bdi>
                {record.connector_name} {record.remote_id}
              </bdi>
              {record.link.since && (
                <>
                  {" "}
                  · since <Moment at={record.link.since} />
                </>
              )}
            </span>
            <br />
            <bdi>{record.link.reasons.join("; ")}</bdi>
          </span>
          {customer.records.length > 1 && (
            <Confirm
              disabled={isBusy}
              question="Make it a customer of its own?"
              yes="Take it out"
              onYes={() => void onTakeOut(record)}
            >
              Not this customer’s
              <span class="sr-only">
                : {record.connector_name} {record.remote_id}
              </span>
            </Confirm>
          )}
        </li>
      ))}
    </ul>
  );
}

/** Who joined or parted what, and when; a side that is another customer now is a link. */
function History({ merge, here }: { merge: Merge; here: string }) {
  const isGone = merge.gone_id === here;
  const name = (!isGone && merge.gone_name) || "Another customer";
  const isTakenOut = merge.made_by === "rule" && merge.undone_by !== null;
  const by = merge.made_by === "user" ? (merge.user.name ?? "a user who is gone") : "the rules";
  const taken = isGone ? "had this record until it was taken out" : "was taken out";
  return (
    <span>
      {merge.undone_at === null ? (
        <bdi>{name}</bdi>
      ) : (
        <Link to={`customers/one/${isGone ? merge.survivor_id : merge.gone_id}`}>
          <bdi>{name}</bdi>
        </Link>
      )}{" "}
      {isTakenOut ? taken : `joined by ${by}`}{" "}
      <span class="quiet">
        {!isTakenOut && <Moment at={merge.merged_at} />}
        {merge.undone_at !== null && (
          <>
            {isTakenOut ? "" : ", parted "}
            {merge.undone_by && `by ${merge.undone_by.name ?? "a user who is gone"} `}
            <Moment at={merge.undone_at} />
          </>
        )}
      </span>
      {merge.reasons.length > 0 && (
        <>
          <br />
          <bdi>{merge.reasons.join("; ")}</bdi>
        </>
      )}
    </span>
  );
}
