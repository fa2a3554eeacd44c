/** A block keeps its size: rows that do not fit whole are left out until the agent asks for all. */

import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

export interface Fitted {
  body: RefObject<HTMLDivElement | null>;
  isOpen: boolean;
  /** How many entries are left out; null when all of the block is to be seen. */
  left: number | null;
  turn: () => void;
}

const ROWS = "li, tbody tr, p, blockquote, details";
const ENTRIES = "li, tr";
const MARKED = "[aria-current]";
/** So much of a long note stays before what stands under it gives way. */
const LINES_AT_LEAST = 2;

export function useFitted(): Fitted {
  const body = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  const [left, setLeft] = useState<number | null>(null);
  const seen = useRef<Element | null>(null);
  const fitRows = () => {
    if (!body.current) return;
    const { entries, hidesMarked } = leaveOut(body.current);
    const marked = body.current.querySelector(MARKED);
    setLeft(entries);
    // Once for each that is marked: who closes the block again has seen it.
    if (hidesMarked && marked !== seen.current) setOpen(true);
    seen.current = marked;
  };
  // Only what the body shows and how large it is decide, never that the block was drawn anew: the
  // way to what is left out stands in the block, and what it does to the body must not go round.
  useLayoutEffect(() => {
    if (!body.current) return;
    fitRows();
    const sizes = new ResizeObserver(fitRows);
    sizes.observe(body.current);
    const changes = new MutationObserver(fitRows);
    changes.observe(body.current, {
      subtree: true,
      childList: true,
      characterData: true,
      attributeFilter: ["aria-current", "class"],
    });
    return () => {
      sizes.disconnect();
      changes.disconnect();
    };
  }, []);
  return { body, isOpen, left, turn: () => setOpen((before) => !before) };
}

/** Hide what would be cut at the body's end; says how many entries, and whether a marked one. */
function leaveOut(body: HTMLElement): { entries: number | null; hidesMarked: boolean } {
  const rows = [...body.querySelectorAll<HTMLElement>(ROWS)];
  const heads = [...body.querySelectorAll<HTMLElement>("h3")];
  for (const row of [...rows, ...heads]) row.style.visibility = "";
  for (const row of rows) row.style.removeProperty("-webkit-line-clamp");
  const over = body.scrollHeight - body.clientHeight;
  if (over <= 1) return { entries: null, hidesMarked: false };
  for (const note of body.querySelectorAll("blockquote")) {
    const line = Number.parseFloat(getComputedStyle(note).lineHeight);
    const lines = Math.floor((note.clientHeight - over) / line);
    note.style.setProperty("-webkit-line-clamp", String(Math.max(LINES_AT_LEAST, lines)));
  }
  const end = body.getBoundingClientRect().bottom + 1;
  // The first one stays whatever its length: an empty block would say that there is nothing.
  const cut = rows.slice(1).filter((row) => row.getBoundingClientRect().bottom > end);
  for (const row of cut) row.style.visibility = "hidden";
  for (const head of heads) {
    const first = head.nextElementSibling?.querySelector<HTMLElement>("li");
    if (first && cut.includes(first)) head.style.visibility = "hidden";
  }
  return {
    entries: cut.filter((row) => row.matches(ENTRIES)).length,
    hidesMarked: cut.some((row) => row.matches(MARKED)),
  };
}
