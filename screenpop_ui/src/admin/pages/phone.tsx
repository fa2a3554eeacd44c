/** One phone system: its address, form, guide, test call, and what it sent of late. */

import { useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { me } from "../me";
import { Confirm, StatusLine, useAction } from "../parts/action";
import { Copy } from "../parts/copy";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Failed, Heading, Loading } from "../parts/states";
import { type PhoneKind, type PhoneSystem, phones } from "../phones/api";
import { Feed } from "../phones/feed";
import { PhoneForm } from "../phones/form";
import { Guide } from "../phones/guide";
import { TestCall } from "../phones/test-call";
import { go, unsaved } from "../router";
import { State } from "./phones";

const UP = { to: "phones", title: "Phone systems" };

export function PhonePage({ slug }: { slug: string }) {
  const kinds = useLoaded(phones.kinds);
  if (kinds.error !== null)
    return <Failed error={kinds.error} onRetry={() => void kinds.refresh()} />;
  if (kinds.value === null) return <Loading />;
  if (!slug.startsWith("+")) return <Existing slug={slug} kinds={kinds.value} />;
  const kind = kinds.value.find((each) => each.kind === slug.slice(1));
  return kind ? <New kind={kind} /> : <Heading title="There is no such kind" up={UP} />;
}

function New({ kind }: { kind: PhoneKind }) {
  return (
    <>
      <Heading title={kind.title} up={UP}>
        {kind.summary}
      </Heading>
      <div class="with-guide">
        <PhoneForm
          kind={kind}
          system={null}
          onSaved={(system) => {
            unsaved.value = null;
            go(`phones/${system.slug}`);
          }}
        />
        <HowTo kind={kind.kind} />
      </div>
    </>
  );
}

function Existing({ slug, kinds }: { slug: string; kinds: PhoneKind[] }) {
  const loaded = useLoaded(() => phones.read(slug), slug);
  const [rung, setRung] = useState(0);
  const action = useAction();
  const system = loaded.value;
  if (system === null) {
    return loaded.error !== null ? (
      <>
        <Heading title={slug} up={UP} />
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      </>
    ) : (
      <Loading />
    );
  }
  const kind = kinds.find((each) => each.kind === system.kind);
  const isStream = system.health !== null;
  const drop = async () => {
    const done = await action.run(() => phones.remove(slug).then(() => true), null);
    if (done) {
      unsaved.value = null;
      go("phones");
    }
  };
  return (
    <>
      <Heading title={system.name ?? system.slug} up={UP} actions={<State system={system} />}>
        {kind?.title ?? system.kind}
      </Heading>
      <div class="stack">
        <Trouble system={system} />
        {!isStream && (
          <section class="card" aria-labelledby="address">
            <h2 id="address">Paste this into the phone system</h2>
            <Copy label="Address of the webhook" text={system.url} />
            <p class="hint">
              The secret is the one in the settings below: it is asked for, or given out, by the
              phone system. It is never shown again here.
            </p>
          </section>
        )}
        <section class="card" aria-labelledby="test">
          <h2 id="test">Test call</h2>
          {isStream ? (
            <p>
              screenpop connects to this phone system, so a test call is made on the phone: dial an
              agent's extension from another phone, and look at their page.
            </p>
          ) : (
            <TestCall
              slug={slug}
              extension={me.value?.extensions[0] ?? ""}
              onRung={() => setRung(rung + 1)}
            />
          )}
        </section>
        {!isStream && <Feed slug={slug} version={rung} />}
        <section class="stack-tight" aria-labelledby="settings">
          <h2 id="settings">Settings</h2>
          <div class="with-guide">
            {kind ? (
              <PhoneForm kind={kind} system={system} onSaved={loaded.set} />
            ) : (
              <p class="bad">The kind {system.kind} is not installed any more.</p>
            )}
            <HowTo kind={system.kind} />
          </div>
        </section>
        <section class="stack-tight" aria-labelledby="remove">
          <h2 id="remove">Remove</h2>
          <div>
            <Confirm
              question="Its calls stay, new ones are refused."
              yes={`Remove ${system.name ?? system.slug}`}
              onYes={() => void drop()}
            >
              Remove this phone system
            </Confirm>
          </div>
          <StatusLine outcome={action.outcome} />
        </section>
      </div>
    </>
  );
}

function Trouble({ system }: { system: PhoneSystem }) {
  const why = system.fault ?? (system.health?.connected === false ? system.health.error : null);
  if (!why) return null;
  return (
    <p class="failed" role="alert">
      <span>
        <Icon name="warn" /> {why}
        {system.health?.since && (
          <>
            {" "}
            (since <Moment at={system.health.since} />)
          </>
        )}
      </span>
    </p>
  );
}

/** The provider's guide. Not everything of it must be read: it is there, beside the form. */
function HowTo({ kind }: { kind: string }) {
  const guide = useLoaded(() => phones.guide(kind), kind);
  return (
    <section class="card" aria-labelledby="guide">
      <h2 id="guide">How to connect it</h2>
      {guide.error !== null && <Failed error={guide.error} onRetry={() => void guide.refresh()} />}
      {guide.isComing && guide.value === null && <Loading />}
      {!guide.isComing && guide.error === null && guide.value === null && (
        <p class="quiet">
          There is no guide for this kind. Paste the address and set the same secret on both sides.
        </p>
      )}
      {guide.value && <Guide text={guide.value} />}
    </section>
  );
}
