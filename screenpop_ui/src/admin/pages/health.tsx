/** Health: how quickly pops come, how each system does, and what to do about each red mark. */

import { useState } from "preact/hooks";
import { health } from "../health/api";
import { Connectors } from "../health/connectors";
import { Marks } from "../health/marks";
import { Phones } from "../health/phones";
import { Pops } from "../health/pops";
import { useLoaded } from "../parts/loaded";
import { Failed, Heading, Loading } from "../parts/states";

const EVERY_MS = 15_000;
const SPANS: readonly [number, string][] = [
  [1, "the last hour"],
  [24, "the last day"],
  [168, "the last week"],
  [336, "the last two weeks"],
];

export function HealthPage() {
  const [hours, setHours] = useState(24);
  const loaded = useLoaded(() => health.overview(hours), hours, { everyMs: EVERY_MS });
  const overview = loaded.value;
  return (
    <>
      <Heading
        title="Health"
        actions={
          <p class="check">
            <label for="health-span">Time</label>
            <select
              id="health-span"
              value={hours}
              onChange={(event) => setHours(Number(event.currentTarget.value))}
            >
              {SPANS.map(([span, words]) => (
                <option key={span} value={span}>
                  {words}
                </option>
              ))}
            </select>
          </p>
        }
      >
        New figures show by themselves. The same ones are at /metrics for Prometheus and Grafana.
      </Heading>
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {overview === null && loaded.error === null && <Loading lines={8} />}
      {overview && (
        <div class="stack">
          <Marks marks={overview.marks} />
          <Pops overview={overview} />
          <Phones systems={overview.phone_systems} />
          <Connectors overview={overview} />
        </div>
      )}
    </>
  );
}
