/** The fits of the tables: a new one with its progress, quality over time, the way back. */

import { useEffect, useRef } from "preact/hooks";
import { dayText, numberText, timeText } from "../../ui/format";
import { Icon } from "../../ui/icon";
import { Confirm, StatusLine, useAction } from "../parts/action";
import { type Bar, Bars } from "../parts/bars";
import { Chart } from "../parts/chart";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Loading } from "../parts/states";
import { Rows } from "../parts/table";
import { type Fit, suggestions } from "./api";

const EVERY_MS = 1_500;

export function Fits() {
  const fits = useLoaded(suggestions.fits);
  const running = useLoaded(suggestions.running, null, { everyMs: EVERY_MS });
  const action = useAction();
  const was = useRef(false);
  const is = running.value?.running ?? false;
  useEffect(() => {
    // A fit has come to its end: its row is there now.
    if (was.current && !is) void fits.refresh();
    was.current = is;
  }, [is]);
  const start = async () => {
    await action.run(suggestions.start, null);
    await running.refresh();
  };
  const use = async (fit: Fit) => {
    const done = await action.run(async () => {
      await suggestions.use(fit.number);
      return true;
    }, `Fit ${fit.number} is in use until the next one.`);
    if (done) await fits.refresh();
  };
  return (
    <section class="stack-tight" aria-labelledby="fits">
      <div class="heading-row">
        <h2 id="fits">Fits of the tables</h2>
        <div class="actions">
          <StatusLine outcome={action.outcome} />
          {is ? (
            <span role="status" class="fitting">
              <label for="fit-progress">Fitting: {running.value?.step}</label>{" "}
              <progress id="fit-progress" value={running.value?.share ?? 0} max={1} />
            </span>
          ) : (
            <button type="button" disabled={action.isBusy} onClick={() => void start()}>
              Fit now
            </button>
          )}
        </div>
      </div>
      {fits.error !== null && <Failed error={fits.error} onRetry={() => void fits.refresh()} />}
      {fits.value === null && fits.error === null && <Loading />}
      {fits.value?.length === 0 && (
        <Empty>
          None yet: the tables are fitted by themselves once a data source has brought orders.
        </Empty>
      )}
      {fits.value && fits.value.length > 0 && (
        <>
          <QualityCharts fits={fits.value} />
          <FitTable fits={fits.value} isBusy={action.isBusy} onUse={(fit) => void use(fit)} />
        </>
      )}
    </section>
  );
}

/** Oldest first, those that were measured. */
export const measured = (fits: readonly Fit[]) =>
  fits.filter((fit) => fit.quality !== null && Object.keys(fit.quality.next).length > 0).reverse();

/** So many fits make a line; fewer are compared by their bars. */
const A_LINE = 3;

interface Way {
  name: string;
  hit: (fit: Fit) => number | null;
  tone: 0 | 1 | 2 | 3;
}

const next = (key: "ours" | "personal" | "popular") => (fit: Fit) =>
  percent(fit.quality?.next[key]?.hit);
const goesWith = (key: string) => (fit: Fit) => percent(fit.quality?.goes_with[key]?.hit);

export const NEXT: readonly Way[] = [
  { name: "ours", hit: next("ours"), tone: 0 },
  { name: "what they bought most", hit: next("personal"), tone: 1 },
  { name: "what all buy", hit: next("popular"), tone: 2 },
];

const GOES_WITH: readonly Way[] = [
  { name: "ours", hit: goesWith("ours"), tone: 0 },
  { name: "in the same orders (cosine)", hit: goesWith("cosine"), tone: 1 },
  { name: "share of the orders (confidence)", hit: goesWith("confidence"), tone: 3 },
  { name: "what all buy", hit: goesWith("popular"), tone: 2 },
];

function QualityCharts({ fits }: { fits: readonly Fit[] }) {
  const shown = measured(fits);
  if (shown.length === 0) return null;
  return (
    <>
      <p class="quiet">
        Each fit is tried on the last baskets of some customers, which it has not seen. One of its
        ten likeliest items is in the basket that often:
      </p>
      <div class="cards">
        <div class="card">
          <Compared title="Next purchases foretold" fits={shown} ways={NEXT} />
        </div>
        <div class="card">
          <Compared title="Goes with it: hidden item found" fits={shown} ways={GOES_WITH} />
        </div>
      </div>
    </>
  );
}

/** Ours beside simpler ways: as bars while there are few fits, as lines over time then. */
function Compared({ title, fits, ways }: { title: string; fits: Fit[]; ways: readonly Way[] }) {
  if (fits.length < A_LINE) return <Bars title={title} bars={barsOf(fits, ways)} />;
  const now = Date.now();
  return (
    <Chart
      title={title}
      kind="line"
      unit="%"
      labels={fits.map(
        (fit) => `${fit.number}: ${dayText(fit.finished_at, now)} ${timeText(fit.finished_at)}`,
      )}
      series={ways.map(({ name, hit, tone }) => ({ name, tone, values: fits.map(hit) }))}
    />
  );
}

/** The newest fit's figures, and those of the one before it where they differ. */
export function barsOf(fits: readonly Fit[], ways: readonly Way[]): Bar[] {
  const newest = fits.at(-1);
  const former = fits.at(-2);
  return ways.map(({ name, hit, tone }) => {
    const percent = newest ? hit(newest) : null;
    const before = former ? hit(former) : null;
    return { name, percent, before: before === percent ? null : before, isOurs: tone === 0 };
  });
}

const percent = (share: number | undefined) =>
  share === undefined ? null : Math.round(share * 1000) / 10;

interface TableProps {
  fits: readonly Fit[];
  isBusy: boolean;
  onUse: (fit: Fit) => void;
}

function FitTable({ fits, isBusy, onUse }: TableProps) {
  return (
    <Rows
      label="Fits"
      rows={fits}
      keyOf={(fit) => String(fit.number)}
      columns={[
        { title: "Fit", cell: (fit) => numberText(fit.number), isNumber: true },
        { title: "State", cell: (fit) => <State fit={fit} /> },
        { title: "When", cell: (fit) => <Moment at={fit.finished_at} /> },
        {
          title: "Order lines",
          cell: (fit) => numberText(fit.lines),
          isNumber: true,
          isExtra: true,
        },
        {
          title: "Customers",
          cell: (fit) => numberText(fit.customers),
          isNumber: true,
          isExtra: true,
        },
        { title: "Items", cell: (fit) => numberText(fit.items), isNumber: true, isExtra: true },
        {
          title: "Foretold",
          cell: (fit) => {
            const hit = percent(fit.quality?.next.ours?.hit);
            return hit === null ? "–" : `${numberText(hit)} %`;
          },
          isNumber: true,
        },
        {
          title: "Way back",
          cell: (fit) =>
            fit.state === "former" && (
              <Confirm
                question={`Use fit ${fit.number} until the next one?`}
                yes="Use it"
                disabled={isBusy}
                onYes={() => onUse(fit)}
              >
                Use again<span class="sr-only"> fit {fit.number}</span>
              </Confirm>
            ),
        },
      ]}
    />
  );
}

function State({ fit }: { fit: Fit }) {
  if (fit.state === "live") {
    return (
      <span class="mark is-good">
        <Icon name="check" /> in use
      </span>
    );
  }
  if (fit.state === "former") return <span class="quiet">former</span>;
  return (
    <>
      <span class="mark is-bad">
        <Icon name="warn" /> failed
      </span>{" "}
      {fit.error && <bdi>{fit.error}</bdi>}
    </>
  );
}
