/** Small preferences of this browser; nothing personal. Inside a CRM's iframe storage may be barred. */

export function readStored(name: string): string | null {
  try {
    return localStorage.getItem(`screenpop.${name}`);
  } catch {
    return null;
  }
}

export function store(name: string, value: string): void {
  try {
    localStorage.setItem(`screenpop.${name}`, value);
  } catch {
    // The choice holds until the page is closed.
  }
}
