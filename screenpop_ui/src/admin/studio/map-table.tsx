/** The columns of a file: what was read, what each means, and the rows that are of no use. */

import type { Values } from "../../forms/schema";
import { numberText, plural } from "../../ui/format";
import { useLoaded } from "../parts/loaded";
import { Failed, Loading } from "../parts/states";
import { type Look, sources } from "./api";
import { DropZone } from "./drop-zone";
import { MapOne } from "./map-rest";
import { SeenRows } from "./seen";
import { asText, asValues, bringsWords } from "./state";
import type { Desk } from "./studio";

export function MapTable({ desk }: { desk: Desk }) {
  const { kind, region, settings } = desk.typed;
  const key = JSON.stringify(settings);
  const look = useLoaded(() => sources.look(desk.slug, { kind, region, settings }), key);
  const columns = asValues(settings.columns) as Record<string, string>;
  const put = (next: Values) => desk.change({ settings: { ...settings, columns: next } });
  const map = (header: string, our: string) => {
    const rest = Object.entries(columns).filter(
      ([name, theirs]) => theirs.toLowerCase() !== header.toLowerCase() && name !== our,
    );
    put(Object.fromEntries(our ? [...rest, [our, header]] : rest));
  };
  const takeOffered = (seen: Look) => {
    const offered = seen.columns.filter((column) => column.is_offered);
    put({ ...Object.fromEntries(offered.map((each) => [each.ours, each.name])), ...columns });
  };
  const seen = look.value;
  const oursOf = (header: string) =>
    Object.keys(columns).find((our) => columns[our]?.toLowerCase() === header.toLowerCase()) ?? "";
  return (
    <div class="stack">
      <DropZone desk={desk} />
      {look.error !== null && <Failed error={look.error} onRetry={() => void look.refresh()} />}
      {look.isComing && seen === null && <Loading />}
      {seen && look.error === null && (
        <div class="with-guide">
          <section class="card" aria-labelledby="columns">
            <h2 id="columns">What its columns mean</h2>
            <Facts look={seen} />
            {seen.columns.some((column) => column.is_offered) && (
              <div class="actions">
                <button type="button" onClick={() => takeOffered(seen)}>
                  Take what is known by name
                </button>
              </div>
            )}
            <ul class="mapping">
              {seen.columns.map((column) => (
                <li key={column.name}>
                  <MapOne
                    theirs={column.name}
                    sample={column.sample}
                    ours={seen.ours}
                    chosen={oursOf(column.name)}
                    onChoose={(our) => map(column.name, our)}
                  />
                </li>
              ))}
            </ul>
            {seen.missing && <p class="bad">{seen.missing}</p>}
            {Array.isArray(seen.facts.brings) && (
              <p class="good">Brings {bringsWords(seen.facts.brings as string[])}.</p>
            )}
          </section>
          <section class="stack-tight" aria-labelledby="rows">
            <h2 id="rows">First rows</h2>
            <SeenRows label="First rows of the file" rows={seen.rows} />
            <Rejected look={seen} />
          </section>
        </div>
      )}
    </div>
  );
}

function Facts({ look: { facts } }: { look: Look }) {
  const said = [
    asText(facts.file),
    facts.sheets ? `sheet ${asText(facts.sheet) || asText((facts.sheets as string[])[0])}` : null,
    facts.encoding ? asText(facts.encoding) : null,
    facts.delimiter ? `cells parted by ${asText(facts.delimiter)}` : null,
    `${numberText(asText(facts.rows))} rows`,
  ];
  return <p class="quiet">{said.filter((each) => each !== null).join(" · ")}</p>;
}

/** The rows that cannot be used, where they stand, and why. */
function Rejected({ look }: { look: Look }) {
  if (look.rejected_count === 0) return <p class="quiet">Every row can be used.</p>;
  return (
    <details class="fold" open>
      <summary>{plural(look.rejected_count, "row")} cannot be used</summary>
      <ul>
        {look.rejected.slice(0, 50).map(([where, why]) => (
          <li key={where + why}>
            <strong>{where}</strong> {why}
          </li>
        ))}
      </ul>
    </details>
  );
}
