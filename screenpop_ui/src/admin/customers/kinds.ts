/** The kinds of issues in words, and what to do about them. The keys are the server's. */

export const KINDS: Readonly<Record<string, { title: string; advice: string }>> = {
  number_unusable: {
    title: "Number cannot be called",
    advice: "Correct the number in the source: nobody can be found by it.",
  },
  no_number: {
    title: "No number",
    advice: "Add a number in the source, or leave it: who calls is not found by this record.",
  },
  country_missing: {
    title: "Country not known",
    advice: "Write the number with + and its country's code in the source, or add a country.",
  },
  number_shared: {
    title: "Number of many",
    advice: "A switchboard's number, or one typed in as a filler: give each record its own.",
  },
  names_conflict: {
    title: "Names differ",
    advice: "Two sources name the same customer differently: correct the wrong one.",
  },
  emails_conflict: {
    title: "E-mail addresses differ",
    advice: "Two sources have other addresses of the same customer: correct the wrong one.",
  },
  addresses_conflict: {
    title: "Addresses differ",
    advice: "Two sources have other addresses of the same customer: correct the wrong one.",
  },
  tax_numbers_conflict: {
    title: "Tax numbers differ",
    advice: "Two sources have other tax numbers: perhaps they are two customers.",
  },
  stale: {
    title: "Not changed for years",
    advice: "Ask at the next call whether the facts still hold.",
  },
  gone: {
    title: "Gone from all sources",
    advice: "Only earlier calls speak of this customer. There is nothing to do.",
  },
};

export const kindWords = (kind: string) => KINDS[kind] ?? { title: kind, advice: "" };
