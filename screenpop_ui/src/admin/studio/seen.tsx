/** What was seen of a source: rows, plain values, JSON. */

import { Rows } from "../parts/table";
import { asText } from "./state";

export function SeenRows({ label, rows }: { label: string; rows: Record<string, unknown>[] }) {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (rows.length === 0) return <p class="quiet">No rows.</p>;
  return (
    <div class="table-seen">
      <Rows
        label={label}
        rows={rows.map((row, index) => ({ row, index }))}
        keyOf={({ index }) => String(index)}
        columns={names.map((name) => ({
          title: name,
          cell: ({ row }: { row: Record<string, unknown>; index: number }) => (
            <bdi>{shortText(row[name])}</bdi>
          ),
        }))}
      />
    </div>
  );
}

export function Json({ value, label }: { value: unknown; label: string }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it is scrolled with the keyboard.
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields.
    <div class="code-scroll" role="group" aria-label={label} tabIndex={0}>
      <pre class="code">{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</pre>
    </div>
  );
}

const MOST = 120;

export function shortText(value: unknown): string {
  const text = typeof value === "object" && value !== null ? JSON.stringify(value) : asText(value);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
