/** Light, dark, or as the computer says. The choice is kept in this browser. */

import { effect, signal } from "@preact/signals";
import { readStored, store } from "./stored";

export type Theme = "auto" | "light" | "dark";
const THEMES: readonly Theme[] = ["auto", "light", "dark"];

const stored = readStored("theme") as Theme | null;
export const theme = signal<Theme>(stored && THEMES.includes(stored) ? stored : "auto");

export function startTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
    store("theme", theme.value);
  });
}

export function nextTheme(): void {
  theme.value = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? "auto";
}
