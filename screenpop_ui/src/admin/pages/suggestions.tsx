/** Suggestions: how good they are, what came of them, the fits, and why a customer gets what. */

import { Heading } from "../parts/states";
import { Explain } from "../suggestions/explain";
import { Fits } from "../suggestions/fits";
import { OfferReport } from "../suggestions/report";

export function SuggestionsPage() {
  return (
    <>
      <Heading title="Suggestions">
        What agents see as likely wanted comes from tables of who bought what. They are fitted every
        night, and when much is new.
      </Heading>
      <div class="stack">
        <OfferReport />
        <Fits />
        <Explain />
      </div>
    </>
  );
}
