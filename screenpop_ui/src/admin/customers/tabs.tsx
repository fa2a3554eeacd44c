/** The lists of the page and the way to one customer, as links. */

import { Link } from "../link";

export function Tabs({ at }: { at: "duplicates" | "quality" | "one" }) {
  return (
    <nav class="tabs" aria-label="What to mend">
      <Link to="customers" class="tab" current={at === "duplicates"}>
        Likely duplicates
      </Link>
      <Link to="customers/quality" class="tab" current={at === "quality"}>
        Records to mend
      </Link>
      <Link to="customers/one" class="tab" current={at === "one"}>
        One customer
      </Link>
    </nav>
  );
}
