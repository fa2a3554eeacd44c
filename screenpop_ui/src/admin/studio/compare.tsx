/** The draft against what is live, field by field; secrets are never shown. */

import { Confirm } from "../parts/action";
import { Empty } from "../parts/states";
import { Rows } from "../parts/table";
import type { Fields, Source, Version } from "./api";
import { differences, fieldsOfVersion } from "./state";

interface Props {
  source: Source | null;
  draft: Fields;
  versions: Version[];
  /** Throw the saved draft away; null where there is none. */
  onDrop: (() => void) | null;
}

export function Compare({ source, draft, versions, onDrop }: Props) {
  const live = versions.find((each) => each.state === "live") ?? null;
  const saved = versions.find((each) => each.state === "draft") ?? null;
  if (!source || !live) return <Empty>Nothing is live yet to compare with.</Empty>;
  const found = differences(fieldsOfVersion(live), draft, saved?.changed ?? []);
  if (found.length === 0) return <Empty>The draft is the same as what is live.</Empty>;
  return (
    <section class="stack-tight" aria-label="Compare">
      <Rows
        label="What differs"
        rows={found}
        keyOf={(each) => each.name}
        columns={[
          { title: "Field", cell: (each) => <code>{each.name}</code> },
          { title: "Live", cell: (each) => <Value text={each.live} /> },
          { title: "Draft", cell: (each) => <Value text={each.draft} /> },
        ]}
      />
      {onDrop && (
        <div>
          <Confirm question="What is live stays." yes="Throw it away" onYes={onDrop}>
            Throw the draft away
          </Confirm>
        </div>
      )}
    </section>
  );
}

function Value({ text }: { text: string }) {
  if (text === "") return <span class="quiet">not set</span>;
  return text.includes("\n") ? <pre class="code">{text}</pre> : <bdi>{text}</bdi>;
}
