/** Customers to mend: likely duplicates, what is wrong in the sources' records, one customer. */

import { useState } from "preact/hooks";
import { Duplicates } from "../customers/duplicates";
import { Find } from "../customers/find";
import { One } from "../customers/one";
import { Quality } from "../customers/quality";
import { Looked } from "../customers/scan";
import { Tabs } from "../customers/tabs";
import { Heading, NoSuchPage } from "../parts/states";
import type { PageProps } from "./index";

export function CustomersPage({ slug }: PageProps) {
  /** How often the customers were looked through while this page was open. */
  const [looks, setLooks] = useState(0);
  const [list = "", id = "", ...rest] = slug.split("/");
  if (!["", "quality", "one"].includes(list) || (id && list !== "one") || rest.length > 0) {
    return <NoSuchPage />;
  }
  return (
    <>
      <Heading title="Customers to mend">
        All customers are looked through once a night. A decision holds until you take it back.
      </Heading>
      <Tabs at={list === "quality" || list === "one" ? list : "duplicates"} />
      {list !== "one" && <Looked onLooked={() => setLooks((before) => before + 1)} />}
      {list === "" && <Duplicates looks={looks} />}
      {list === "quality" && <Quality looks={looks} />}
      {list === "one" && (id ? <One key={id} id={id} /> : <Find />)}
    </>
  );
}
