/** Whether the keyboard is in a field: then keys are text, and nothing may take the screen. */
export function isTyping(): boolean {
  return document.activeElement?.matches("input, textarea, select") ?? false;
}
