/** A table whose rows, search and pages come from the server. */

import type { ComponentChildren } from "preact";
import { useEffect, useId, useState } from "preact/hooks";
import { numberText } from "../../ui/format";
import type { PageOf } from "../api";
import { useLoaded } from "./loaded";
import { Empty, Failed, Loading } from "./states";

export interface Column<Row> {
  title: string;
  cell: (row: Row) => ComponentChildren;
  /** Numbers stand at the end of their column. */
  isNumber?: boolean;
  /** Left out where there is little room. */
  isExtra?: boolean;
}

interface Props<Row> {
  label: string;
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string;
  /** Reads a page; `search` is "" for all. */
  read: (search: string, limit: number, offset: number) => Promise<PageOf<Row>>;
  /** Changes when the rows must be read again. */
  version?: unknown;
  none: ComponentChildren;
  /** The label of the search field; without it there is none. */
  searchLabel?: string;
  limit?: number;
}

const SEARCH_MS = 200;

export function Table<Row>(props: Props<Row>) {
  const { label, columns, keyOf, read, version = 0, none, searchLabel, limit = 50 } = props;
  const [typed, setTyped] = useState("");
  const [search, setSearch] = useState("");
  const [offset, setOffset] = useState(0);
  useEffect(() => {
    const timer = setTimeout(() => {
      setSearch(typed.trim());
      if (typed.trim() !== search) setOffset(0);
    }, SEARCH_MS);
    return () => clearTimeout(timer);
  }, [typed]);
  const loaded = useLoaded(
    () => read(search, limit, offset),
    JSON.stringify([search, offset, version]),
  );
  const page = loaded.value;
  useEffect(() => {
    // The last row of the last page was removed.
    if (page && page.items.length === 0 && offset > 0) setOffset(Math.max(0, offset - limit));
  }, [page]);
  return (
    <section class="table-box" aria-label={label} aria-busy={loaded.isComing}>
      {searchLabel && (
        <SearchField label={searchLabel} typed={typed} onTyped={setTyped} total={page?.total} />
      )}
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {page === null && loaded.error === null && <Loading lines={6} />}
      {page && page.items.length === 0 && (
        <Empty>{search ? `Nothing is found for “${search}”.` : none}</Empty>
      )}
      {page && page.items.length > 0 && (
        <Rows label={label} columns={columns} rows={page.items} keyOf={keyOf} />
      )}
      {page && page.total > limit && (
        <Pager total={page.total} offset={offset} limit={limit} onOffset={setOffset} />
      )}
    </section>
  );
}

interface RowsProps<Row> {
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
}

/** The rows alone, for what is not paged. */
export function Rows<Row>({ label, columns, rows, keyOf }: RowsProps<Row>) {
  const classOf = (column: Column<Row>) =>
    [column.isNumber && "is-number", column.isExtra && "is-extra"].filter(Boolean).join(" ");
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset is for fields.
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table is scrolled with the keyboard.
    <div class="table-scroll" tabIndex={0} role="group" aria-label={label}>
      <table class="table">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.title} scope="col" class={classOf(column)}>
                {column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column) => (
                <td key={column.title} class={classOf(column)}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface SearchProps {
  label: string;
  typed: string;
  onTyped: (text: string) => void;
  total: number | undefined;
}

function SearchField({ label, typed, onTyped, total }: SearchProps) {
  const id = useId();
  return (
    <div class="table-search">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        autocomplete="off"
        value={typed}
        onInput={(event) => onTyped(event.currentTarget.value)}
      />
      <span class="quiet" role="status">
        {total === undefined ? "" : `${numberText(total)} in all`}
      </span>
    </div>
  );
}

interface PagerProps {
  total: number;
  offset: number;
  limit: number;
  onOffset: (offset: number) => void;
}

function Pager({ total, offset, limit, onOffset }: PagerProps) {
  const last = Math.min(offset + limit, total);
  return (
    <nav class="pager" aria-label="Pages">
      <button
        type="button"
        disabled={offset === 0}
        onClick={() => onOffset(Math.max(0, offset - limit))}
      >
        Earlier
      </button>
      <span>
        {numberText(offset + 1)}–{numberText(last)} of {numberText(total)}
      </span>
      <button type="button" disabled={last >= total} onClick={() => onOffset(offset + limit)}>
        Further
      </button>
    </nav>
  );
}
