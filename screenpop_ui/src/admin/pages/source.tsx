/** One data source: its studio, or a new one of a kind. */

import { ApiError } from "../api";
import { useLoaded } from "../parts/loaded";
import { Failed, Heading, Loading } from "../parts/states";
import { type Source, type SourceKind, sources, type Version } from "../studio/api";
import { newFields } from "../studio/state";
import { Studio } from "../studio/studio";

const UP = { to: "sources", title: "Data sources" };

export function SourcePage({ slug }: { slug: string }) {
  const kinds = useLoaded(sources.kinds);
  if (kinds.error !== null)
    return <Failed error={kinds.error} onRetry={() => void kinds.refresh()} />;
  if (kinds.value === null) return <Loading />;
  if (!slug.startsWith("+")) return <Existing slug={slug} kinds={kinds.value} />;
  const [name, preset] = slug.slice(1).split("/");
  const kind = kinds.value.find((each) => each.kind === name && each.broken === null);
  if (!kind) return <Heading title="There is no such kind" up={UP} />;
  return (
    <Studio
      key={slug}
      kind={kind}
      source={null}
      versions={[]}
      begins={newFields(kind, preset ?? null)}
      onChanged={() => Promise.resolve()}
    />
  );
}

interface Whole {
  source: Source | null;
  versions: Version[];
}

async function readWhole(slug: string): Promise<Whole> {
  const [source, versions] = await Promise.all([
    orNull(sources.read(slug)),
    sources.versions(slug),
  ]);
  return { source, versions };
}

/** A source that is only a draft is not live: that is no fault. */
const orNull = (reading: Promise<Source>): Promise<Source | null> =>
  reading.catch((error) => {
    if (error instanceof ApiError && error.status === 404) return null;
    throw error;
  });

function Existing({ slug, kinds }: { slug: string; kinds: SourceKind[] }) {
  const whole = useLoaded(() => readWhole(slug), slug);
  if (whole.value === null) {
    return whole.error !== null ? (
      <>
        <Heading title={slug} up={UP} />
        <Failed error={whole.error} onRetry={() => void whole.refresh()} />
      </>
    ) : (
      <Loading />
    );
  }
  const { source, versions } = whole.value;
  const last = versions.find((each) => each.state === "draft") ?? versions[0];
  const name = last?.fields.kind ?? source?.kind ?? "";
  const kind = kinds.find((each) => each.kind === name);
  if (!kind || kind.settings_schema === null) {
    return (
      <Heading title={slug} up={UP}>
        The kind {name} cannot be used here: {kind?.broken ?? "it is not installed any more"}.
      </Heading>
    );
  }
  return (
    <Studio
      kind={kind}
      source={source}
      versions={versions}
      begins={null}
      slug={slug}
      onChanged={whole.refresh}
    />
  );
}
