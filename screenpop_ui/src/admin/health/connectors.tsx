/** How each data source does; one of them over time. */

import { useState } from "preact/hooks";
import { numberText } from "../../ui/format";
import { Link } from "../link";
import { Chart } from "../parts/chart";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Empty, Failed, Loading } from "../parts/states";
import { Rows, Table } from "../parts/table";
import { type ConnectorHealth, health, type Overview, type SourceHealth } from "./api";
import { LevelMark } from "./marks";
import { highest, stepsOf, sum, valuesAt } from "./series";
import { errorWords, msText, shareText } from "./words";

const WORST = { bad: 0, warn: 1 } as const;
const rank = (each: ConnectorHealth) => (each.level === null ? 2 : WORST[each.level]);

export function Connectors({ overview }: { overview: Overview }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const { connectors, pops } = overview;
  const shown = connectors.find((each) => each.slug === chosen) ?? null;
  const read = async (search: string, limit: number, offset: number) => {
    const wanted = search.toLowerCase();
    const found = connectors
      .filter((each) => `${each.name} ${each.slug}`.toLowerCase().includes(wanted))
      .sort((one, other) => rank(one) - rank(other));
    return { items: found.slice(offset, offset + limit), total: found.length };
  };
  return (
    <section class="stack-tight" aria-labelledby="source-health">
      <h2 id="source-health">Data sources</h2>
      {connectors.length === 0 ? (
        <Empty>
          None yet. <Link to="sources">Add a data source</Link>
        </Empty>
      ) : (
        <Table
          label="Health of the data sources"
          read={read}
          version={overview.as_of}
          limit={25}
          {...(connectors.length > 10 ? { searchLabel: "Search" } : {})}
          none="None yet."
          keyOf={(each) => each.slug}
          columns={[
            {
              title: "Name",
              cell: (each) => (
                <button
                  type="button"
                  class="link"
                  aria-expanded={each.slug === chosen}
                  onClick={() => setChosen(each.slug === chosen ? null : each.slug)}
                >
                  <bdi>{each.name}</bdi>
                </button>
              ),
            },
            {
              title: "State",
              cell: (each) =>
                each.enabled ? (
                  <LevelMark level={each.level} isIdle={each.answers + each.cache_hits === 0} />
                ) : (
                  <span class="quiet">off</span>
                ),
            },
            { title: "Answers", cell: (each) => numberText(each.answers), isNumber: true },
            {
              title: "Failed",
              cell: (each) => {
                const failed = sum(Object.values(each.errors));
                return failed === 0 ? "0" : shareText(failed, failed + each.answers);
              },
              isNumber: true,
            },
            {
              title: "Half within",
              cell: (each) => msText(each.p50_ms),
              isNumber: true,
              isExtra: true,
            },
            {
              title: "95 %",
              cell: (each) => msText(each.p95_ms),
              isNumber: true,
              isExtra: true,
            },
            {
              title: "99 %",
              cell: (each) => msText(each.p99_ms),
              isNumber: true,
              isExtra: true,
            },
            {
              title: "From memory",
              cell: (each) => shareText(each.cache_hits, each.cache_hits + each.answers),
              isNumber: true,
              isExtra: true,
            },
            {
              title: "Knew",
              cell: (each) =>
                each.matched === null ? (
                  <span class="quiet">no numbers</span>
                ) : (
                  shareText(each.matched, pops.callers)
                ),
              isNumber: true,
              isExtra: true,
            },
            {
              title: "Last read",
              cell: (each) => <Moment at={each.last_sync?.finished_at ?? null} />,
              isExtra: true,
            },
          ]}
        />
      )}
      {shown && <OneConnector key={shown.slug} shown={shown} overview={overview} />}
    </section>
  );
}

function OneConnector({ shown, overview }: { shown: ConnectorHealth; overview: Overview }) {
  const { slug } = shown;
  const loaded = useLoaded(
    () => health.connector(slug, overview.hours),
    `${slug} ${overview.as_of}`,
  );
  return (
    <section class="card" aria-label={`${shown.name} in detail`}>
      <div class="heading-row">
        <h3>
          <bdi>{shown.name}</bdi>
        </h3>
        <Link to={`sources/${slug}`} class="button">
          Open<span class="sr-only"> {shown.name}</span>
        </Link>
      </div>
      <p>
        {BREAKER[shown.breaker ?? "closed"]}
        {shown.budget_left !== null &&
          ` ${numberText(shown.budget_left)} requests may be made now.`}{" "}
        Last good answer: <Moment at={shown.last_success_at} />.
      </p>
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {loaded.value === null && loaded.error === null && <Loading />}
      {loaded.value && <Detail told={loaded.value} overview={overview} />}
    </section>
  );
}

const BREAKER = {
  closed: "Asked as usual.",
  half_open: "Being tried again after failures.",
  open: "Left alone for some seconds after failures in a row.",
};

function Detail({ told, overview }: { told: SourceHealth; overview: Overview }) {
  const steps = stepsOf(told.since, overview.as_of, told.step_minutes);
  const of = (key: "p50_ms" | "p95_ms" | "p99_ms") =>
    valuesAt(steps, told.points, (here) => highest(here.map((point) => point[key])));
  const counted = (read: (point: SourceHealth["points"][number]) => number) =>
    valuesAt(steps, told.points, (here) => sum(here.map(read)));
  return (
    <>
      <div class="cards">
        <Chart
          title="Answered within"
          kind="line"
          unit="ms"
          labels={steps.labels}
          series={[
            { name: "99 %", values: of("p99_ms"), tone: 2 },
            { name: "95 %", values: of("p95_ms"), tone: 1 },
            { name: "half", values: of("p50_ms"), tone: 0 },
          ]}
        />
        <Chart
          title="Answers"
          kind="bar"
          labels={steps.labels}
          series={[
            { name: "answered", values: counted((point) => point.answers), tone: 0 },
            { name: "from memory", values: counted((point) => point.cache_hits), tone: 3 },
            { name: "failed", values: counted((p) => sum(Object.values(p.errors))), tone: 2 },
          ]}
        />
      </div>
      <Rows
        label="By block"
        rows={told.sections}
        keyOf={(each) => each.section}
        columns={[
          { title: "Block", cell: (each) => each.section.replaceAll("_", " ") },
          { title: "Answers", cell: (each) => numberText(each.answers), isNumber: true },
          { title: "95 % within", cell: (each) => msText(each.p95_ms), isNumber: true },
          {
            title: "Failed",
            cell: (each) =>
              Object.entries(each.errors)
                .map(([code, count]) => `${errorWords(code)} ${numberText(count)}×`)
                .join(", ") || "–",
          },
        ]}
      />
      {told.faults.length > 0 && (
        <details class="fold">
          <summary>The last failures</summary>
          <ul class="stack-tight">
            {told.faults.map((fault) => (
              <li key={`${fault.at} ${fault.section}`}>
                <Moment at={fault.at} />: {fault.section.replaceAll("_", " ")},{" "}
                {errorWords(fault.code)}
                {fault.text && (
                  <>
                    {" "}
                    – <bdi>{fault.text}</bdi>
                  </>
                )}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
