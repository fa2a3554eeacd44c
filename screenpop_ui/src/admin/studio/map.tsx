/** Step 2: which of the source's fields mean what. */

import { Empty } from "../parts/states";
import { MapRest } from "./map-rest";
import { MapSql } from "./map-sql";
import { MapTable } from "./map-table";
import { bringsWords } from "./state";
import type { Desk } from "./studio";

export function MapStep({ desk }: { desk: Desk }) {
  switch (desk.kind.kind) {
    case "sql":
      return <MapSql desk={desk} />;
    case "rest":
      return <MapRest desk={desk} />;
    case "table":
      return <MapTable desk={desk} />;
    default:
      return (
        <Empty>
          Nothing is to be mapped: {desk.kind.title} is known field by field.{" "}
          {desk.kind.brings && <>It can bring {bringsWords(desk.kind.brings)}.</>}
        </Empty>
      );
  }
}
