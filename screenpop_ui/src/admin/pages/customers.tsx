/** Customers to mend: likely duplicates, and what is wrong in the sources' records. */

import { Duplicates } from "../customers/duplicates";
import { Quality } from "../customers/quality";
import { Tabs } from "../customers/tabs";
import { Heading, NoSuchPage } from "../parts/states";
import type { PageProps } from "./index";

export function CustomersPage({ slug }: PageProps) {
  if (slug !== "" && slug !== "quality") return <NoSuchPage />;
  return (
    <>
      <Heading title="Customers to mend">
        All customers are looked through once a night. A decision holds until you take it back.
      </Heading>
      <Tabs at={slug === "quality" ? "quality" : "duplicates"} />
      {slug === "quality" ? <Quality /> : <Duplicates />}
    </>
  );
}
