/** How quickly pops come: the parts, how many in which time, and over time. */

import { numberText, plural } from "../../ui/format";
import { Chart } from "../parts/chart";
import { Rows } from "../parts/table";
import type { Overview } from "./api";
import { stepsOf, valuesAt } from "./series";
import { msText, PARTS, shareText } from "./words";

export function Pops({ overview }: { overview: Overview }) {
  const { pops } = overview;
  const steps = stepsOf(overview.since, overview.as_of, overview.step_minutes);
  const line = (
    name: string,
    key: "painted_p95_ms" | "complete_p95_ms" | "first_push_p95_ms",
    tone: 0 | 1 | 3,
  ) => ({ name, tone, values: valuesAt(steps, pops.points, ([point]) => point?.[key] ?? null) });
  const bars = pops.histogram.map(({ up_to_ms }) =>
    up_to_ms === null ? "more" : `≤ ${msText(up_to_ms)}`,
  );
  const known = pops.callers - (pops.matches.none ?? 0);
  return (
    <section class="stack-tight" aria-labelledby="pops">
      <h2 id="pops">From the ring to the screen</h2>
      <p>
        {plural(pops.callers, "caller")} in this time
        {pops.callers > 0 && `, ${shareText(known, pops.callers)} of them known`}.
      </p>
      <div class="cards">
        <div class="card">
          <Chart
            title="How many pops came in which time"
            kind="bar"
            labels={bars}
            series={[
              { name: "on the screen", values: pops.histogram.map((bar) => bar.painted || null) },
            ]}
          />
        </div>
        <div class="card">
          <Chart
            title="95 % within, over time"
            kind="line"
            unit="ms"
            labels={steps.labels}
            series={[
              line("on the screen", "painted_p95_ms", 0),
              line("whole", "complete_p95_ms", 1),
              line("sent", "first_push_p95_ms", 3),
            ]}
          />
        </div>
        <div class="card">
          <Chart
            title="Events of the phone systems"
            kind="bar"
            labels={steps.labels}
            series={[
              {
                name: "events",
                values: valuesAt(steps, pops.points, ([point]) => point?.events ?? null),
              },
            ]}
          />
        </div>
      </div>
      <Rows
        label="Parts of the time to the screen"
        rows={pops.parts}
        keyOf={(part) => part.part}
        columns={[
          {
            title: "Part",
            cell: (part) => (
              <>
                {PARTS[part.part].title} <span class="quiet">{PARTS[part.part].means}</span>
              </>
            ),
          },
          { title: "Half within", cell: (part) => msText(part.p50_ms), isNumber: true },
          { title: "95 % within", cell: (part) => msText(part.p95_ms), isNumber: true },
          {
            title: "99 % within",
            cell: (part) => msText(part.p99_ms),
            isNumber: true,
            isExtra: true,
          },
          {
            title: "Counted",
            cell: (part) => numberText(part.count),
            isNumber: true,
            isExtra: true,
          },
        ]}
      />
    </section>
  );
}
