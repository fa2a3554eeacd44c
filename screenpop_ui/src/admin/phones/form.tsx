/** A phone system's form: what the kind asks for, a name, a region. Nothing typed is lost. */

import { useEffect, useRef, useState } from "preact/hooks";
import { Field, focusWrong, Wrong } from "../../forms/field";
import { at, emptyValues, strays, type Values } from "../../forms/schema";
import { SchemaForm } from "../../forms/schema-form";
import { isChangedMeanwhile } from "../api";
import { StatusLine, useAction } from "../parts/action";
import { Copy } from "../parts/copy";
import { unsaved } from "../router";
import { type PhoneKind, type PhoneSystem, phones } from "./api";

interface Props {
  kind: PhoneKind;
  /** What is saved; null for a new one. */
  system: PhoneSystem | null;
  onSaved: (system: PhoneSystem) => void;
}

interface Typed {
  slug: string;
  name: string;
  region: string;
  settings: Values;
}

const FIELDS = ["kind", "name", "region", "settings", "slug"];

export function PhoneForm({ kind, system, onSaved }: Props) {
  const [typed, setTyped] = useState<Typed>(() => typedFrom(kind, system));
  const [version, setVersion] = useState(system?.version ?? 0);
  const [saved, setSaved] = useState(system);
  const action = useAction();
  const form = useRef<HTMLFormElement>(null);
  const change = (changes: Partial<Typed>) => {
    setTyped({ ...typed, ...changes });
    unsaved.value = `the settings of ${typed.name || kind.title}`;
  };
  useEffect(
    () => () => {
      unsaved.value = null;
    },
    [],
  );
  const take = (now: PhoneSystem, isMine: boolean) => {
    setSaved(now);
    setVersion(now.version);
    if (isMine) {
      setTyped(typedFrom(kind, now));
      unsaved.value = null;
      onSaved(now);
    }
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const slug = system?.slug ?? typed.slug.trim();
    const fields = {
      kind: kind.kind,
      name: typed.name.trim() || null,
      region: typed.region.trim() || null,
      settings: typed.settings,
    };
    const done = await action.run(() => phones.save(slug, fields, version));
    if (done) take(done, true);
    else focusWrong(form.current);
  };
  const { errors } = action;
  const isTaken = isChangedMeanwhile(action.error);
  return (
    <form class="form" onSubmit={(event) => void submit(event)} ref={form} noValidate>
      <Field label="Name" errors={at(errors, "/name")} hint="As your people call it.">
        {(control) => (
          <input
            {...control}
            type="text"
            autocomplete="off"
            value={typed.name}
            onInput={(event) => {
              const name = event.currentTarget.value;
              const follows = system === null && typed.slug === slugOf(typed.name, kind.kind);
              change(follows ? { name, slug: slugOf(name, kind.kind) } : { name });
            }}
          />
        )}
      </Field>
      {system === null && (
        <Field
          label="Short name"
          isRequired
          errors={at(errors, "/slug")}
          hint="Stands in its address and in the ids of its calls; it cannot be changed later."
        >
          {(control) => (
            <input
              {...control}
              type="text"
              autocomplete="off"
              value={typed.slug}
              onInput={(event) => change({ slug: event.currentTarget.value })}
            />
          )}
        </Field>
      )}
      <Field
        label="Region of its numbers"
        errors={at(errors, "/region")}
        hint="Two letters, such as GB; empty for the region of the set-up."
      >
        {(control) => (
          <input
            {...control}
            type="text"
            autocomplete="off"
            value={typed.region}
            onInput={(event) => change({ region: event.currentTarget.value })}
          />
        )}
      </Field>
      <SchemaForm
        schema={kind.settings_schema}
        values={typed.settings}
        kept={saved?.settings ?? null}
        onChange={(settings) => change({ settings })}
        errors={errors}
      />
      <OwnSecret />
      <Wrong errors={strays(errors, "", FIELDS)} />
      <div class="actions">
        <button type="submit" class="primary" disabled={action.isBusy}>
          Save
        </button>
        {isTaken && system && (
          <>
            <button
              type="button"
              onClick={() =>
                void action.run(async () => {
                  const now = await phones.read(system.slug);
                  setTyped(typedFrom(kind, now));
                  take(now, false);
                  unsaved.value = null;
                }, "This is what they saved.")
              }
            >
              Show what they saved
            </button>
            <button
              type="button"
              onClick={() =>
                void action.run(async () => {
                  take(await phones.read(system.slug), false);
                }, "What you typed is kept: save again to put it over theirs.")
              }
            >
              Keep what I typed
            </button>
          </>
        )}
        <StatusLine outcome={action.outcome} />
      </div>
    </form>
  );
}

/** For the secrets that are ours to choose: made in the browser, to be pasted on both sides. */
function OwnSecret() {
  const [made, setMade] = useState<string | null>(null);
  const make = () => {
    const bytes = crypto.getRandomValues(new Uint8Array(32));
    setMade(`whsec_${btoa(String.fromCharCode(...bytes))}`);
  };
  return (
    <div class="stack-tight">
      <div class="actions">
        <button type="button" onClick={make}>
          Make a secret
        </button>
        <span class="hint">
          Where the phone system lets you choose it. Providers that give one out have it on their
          own pages.
        </span>
      </div>
      {made && <Copy label="A new secret: paste it above and into the phone system" text={made} />}
    </div>
  );
}

function typedFrom(kind: PhoneKind, system: PhoneSystem | null): Typed {
  return {
    slug: system?.slug ?? slugOf("", kind.kind),
    name: system?.name ?? "",
    region: system?.region ?? "",
    settings: system?.settings ?? emptyValues(kind.settings_schema),
  };
}

/** A short name from a name: "Main PBX" is "main-pbx". */
export function slugOf(name: string, kind: string): string {
  const slug = name
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "");
  return (slug || kind.replaceAll("_", "-")).slice(0, 63);
}
