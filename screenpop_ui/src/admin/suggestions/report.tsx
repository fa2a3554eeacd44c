/** What was offered in calls, and what came of it. */

import { useState } from "preact/hooks";
import { base } from "../../api/client";
import { dayText, numberText } from "../../ui/format";
import { query } from "../api";
import { useLoaded } from "../parts/loaded";
import { Failed, Loading } from "../parts/states";
import { Rows } from "../parts/table";
import { type Came, suggestions } from "./api";

const LISTS = { next: "Likely next", goes_with: "Goes with it" };
const SPANS = [7, 30, 90, 365];

export function OfferReport() {
  const [days, setDays] = useState(30);
  const report = useLoaded(() => suggestions.report(days), days);
  const value = report.value;
  const count = (title: string, key: "offered" | "accepted" | "declined" | "snoozed") => ({
    title,
    cell: (row: Came) => numberText(row[key]),
    isNumber: true,
    isExtra: key === "declined" || key === "snoozed",
  });
  return (
    <section class="stack-tight" aria-labelledby="report">
      <div class="heading-row">
        <h2 id="report">What came of them</h2>
        <label class="check">
          The last
          <select value={days} onChange={(event) => setDays(Number(event.currentTarget.value))}>
            {SPANS.map((span) => (
              <option key={span} value={span}>
                {span} days
              </option>
            ))}
          </select>
        </label>
      </div>
      {report.error !== null && (
        <Failed error={report.error} onRetry={() => void report.refresh()} />
      )}
      {value === null && report.error === null && <Loading lines={3} />}
      {value && (
        <>
          <Rows
            label="What came of the suggestions"
            rows={value.lists}
            keyOf={(row) => row.list}
            columns={[
              { title: "List", cell: (row) => LISTS[row.list] },
              count("Offered", "offered"),
              count("Said yes", "accepted"),
              count("Said no", "declined"),
              count("Later", "snoozed"),
              {
                title: "Bought",
                cell: (row) => boughtText(row),
                isNumber: true,
              },
            ]}
          />
          <p class="quiet">
            Since {dayText(value.since, Date.now())}; bought: by the customer within{" "}
            {value.bought_within_days} days after it was first offered, by the orders that were
            read.{" "}
            <a
              href={new URL(
                `api/v1/suggestions/report${query({ days, format: "csv" })}`,
                base,
              ).toString()}
              download
            >
              As a CSV file
            </a>
          </p>
        </>
      )}
    </section>
  );
}

/** "12 (8 %)". */
export const boughtText = ({ bought, offered }: Pick<Came, "bought" | "offered">): string =>
  offered === 0
    ? numberText(bought)
    : `${numberText(bought)} (${numberText(Math.round((bought / offered) * 100))} %)`;
