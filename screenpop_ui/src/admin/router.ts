/** Where in the console we are. Pages are told apart by path; the browser's history is the only state. */

import { computed, signal } from "@preact/signals";
import { base } from "../api/client";

/** The path below /admin, decoded, without slashes at its ends: "", "sources", "sources/books". */
export const path = signal("");
export const parts = computed(() => path.value.split("/").filter(Boolean));

/** What is typed and not saved, in words ("the settings of Books"); null when nothing is. */
export const unsaved = signal<string | null>(null);
/** Where somebody wants to go although something is not saved: the frame asks. */
export const leavingTo = signal<string | null>(null);

const root = new URL("admin", base);

/** The address of a page of the console. */
export function addressOf(to: string): string {
  const tail = to.split("/").filter(Boolean).map(encodeURIComponent).join("/");
  return tail ? `${root.pathname}/${tail}` : root.pathname;
}

export function pathOf(pathname: string, rootPath: string = root.pathname): string {
  if (!pathname.startsWith(rootPath)) return "";
  return pathname.slice(rootPath.length).split("/").filter(Boolean).map(decoded).join("/");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** Show another page; asks first when something typed would be lost. */
export function go(to: string): void {
  if (to === path.value) return;
  if (unsaved.value !== null) {
    leavingTo.value = to;
    return;
  }
  arrive(to);
  history.pushState(null, "", addressOf(to));
}

/** Leave although something is not saved. */
export function leave(): void {
  const to = leavingTo.value;
  unsaved.value = null;
  leavingTo.value = null;
  if (to !== null) go(to);
}

export function stay(): void {
  leavingTo.value = null;
}

function arrive(to: string): void {
  path.value = to;
  globalThis.scrollTo?.(0, 0);
}

export function startRouter(): void {
  path.value = pathOf(location.pathname);
  addEventListener("popstate", () => {
    const to = pathOf(location.pathname);
    if (to === path.value) return;
    if (unsaved.value !== null) {
      // The browser has gone already: come back, then ask.
      history.pushState(null, "", addressOf(path.value));
      leavingTo.value = to;
      return;
    }
    arrive(to);
  });
  addEventListener("beforeunload", (event) => {
    if (unsaved.value !== null) event.preventDefault();
  });
}

/** Whether a click is for the browser: a new tab or window. */
export const isPlainClick = (event: MouseEvent): boolean =>
  event.button === 0 && !(event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
