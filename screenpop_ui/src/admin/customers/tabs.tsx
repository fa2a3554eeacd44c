/** The two lists of the page, as links. */

import { Link } from "../link";

export function Tabs({ at }: { at: "duplicates" | "quality" }) {
  return (
    <nav class="tabs" aria-label="What to mend">
      <Link to="customers" class="tab" current={at === "duplicates"}>
        Likely duplicates
      </Link>
      <Link to="customers/quality" class="tab" current={at === "quality"}>
        Records to mend
      </Link>
    </nav>
  );
}
