/** How each phone system does. */

import { numberText } from "../../ui/format";
import { Link } from "../link";
import { Moment } from "../parts/moment";
import { Empty } from "../parts/states";
import { Rows } from "../parts/table";
import type { PhoneHealth } from "./api";
import { LevelMark } from "./marks";
import { sum } from "./series";
import { msText } from "./words";

const refusals = (system: PhoneHealth) =>
  sum(
    Object.entries(system.answers)
      .filter(([status]) => !status.startsWith("2"))
      .map(([, count]) => count),
  );

export function Phones({ systems }: { systems: PhoneHealth[] }) {
  return (
    <section class="stack-tight" aria-labelledby="phone-health">
      <h2 id="phone-health">Phone systems</h2>
      {systems.length === 0 ? (
        <Empty>
          None yet. <Link to="phones">Add a phone system</Link>
        </Empty>
      ) : (
        <Rows
          label="Health of the phone systems"
          rows={systems}
          keyOf={(system) => system.slug}
          columns={[
            {
              title: "Name",
              cell: (system) => (
                <Link to={`phones/${system.slug}`}>
                  <bdi>{system.name}</bdi>
                </Link>
              ),
            },
            {
              title: "State",
              cell: (system) => (
                <LevelMark
                  level={system.level}
                  isIdle={system.events === 0 && !system.stream?.connected}
                />
              ),
            },
            {
              title: "Connection",
              cell: (system) =>
                system.stream === null ? (
                  <span class="quiet">sends webhooks</span>
                ) : (
                  <>
                    {system.stream.connected ? "connected" : "not connected"}{" "}
                    <span class="quiet">
                      <Moment at={system.stream.since} />
                    </span>
                  </>
                ),
              isExtra: true,
            },
            { title: "Events", cell: (system) => numberText(system.events), isNumber: true },
            { title: "Refused", cell: (system) => numberText(refusals(system)), isNumber: true },
            {
              title: "Arrived within (95 %)",
              cell: (system) => msText(system.delay.p95_ms),
              isNumber: true,
              isExtra: true,
            },
            {
              title: "Last event",
              cell: (system) => <Moment at={system.last_event_at} />,
              isExtra: true,
            },
          ]}
        />
      )}
    </section>
  );
}
