/** Who is logged in, for pages that need their extension or their id. */

import { signal } from "@preact/signals";
import type { User } from "../api/client";

export const me = signal<User | null>(null);
