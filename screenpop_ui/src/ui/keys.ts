/** Single keys as commands, only while no field has the keyboard; can be switched off. */

import { signal } from "@preact/signals";
import { isTyping } from "./focus";
import { readStored, store } from "./stored";

export const keysOn = signal(readStored("keys") !== "off");

export function switchKeys(on: boolean): void {
  keysOn.value = on;
  store("keys", on ? "on" : "off");
}

export const KEYS: readonly { key: string; does: string }[] = [
  { key: "1–9", does: "choose the caller" },
  { key: "n", does: "note" },
  { key: "o", does: "outcome" },
  { key: "s", does: "next suggestion" },
  { key: "y d l", does: "yes, no, later to it" },
  { key: "u", does: "undo that" },
  { key: "g", does: "next call" },
  { key: "h", does: "home" },
  { key: "/", does: "search" },
  { key: "x", does: "done with an ended call" },
  { key: "Esc", does: "leave a field" },
  { key: "?", does: "show or hide this line" },
];

/** Call `onKey` for single keys; answer true when the key was used. Returns the way to stop. */
export function listenForKeys(onKey: (key: string) => boolean): () => void {
  const listener = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && isTyping()) {
      (document.activeElement as HTMLElement).blur();
      return;
    }
    if (!keysOn.value || isTyping() || event.isComposing) return;
    if (onKey(event.key)) event.preventDefault();
  };
  document.addEventListener("keydown", listener);
  return () => document.removeEventListener("keydown", listener);
}
