/** The first run, step by step. Each can be left: what is done is seen in the configuration. */

import { useState } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { Link } from "../link";
import { me } from "../me";
import { useLoaded } from "../parts/loaded";
import { Failed, Heading, Loading } from "../parts/states";
import { TestCall } from "../phones/test-call";
import { DefaultsForm } from "../setup/defaults-form";
import { nextStep, readSetup, type SetupState, type Step, stepsOf } from "../setup/state";

const EVERY_MS = 4_000;

export function SetupPage() {
  const loaded = useLoaded(readSetup, null, { everyMs: EVERY_MS });
  const state = loaded.value;
  if (state === null) {
    return loaded.error !== null ? (
      <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
    ) : (
      <Loading />
    );
  }
  const steps = stepsOf(state);
  const next = nextStep(steps);
  const done = steps.filter((step) => step.isDone).length;
  return (
    <>
      <Heading title="Set-up">
        {next
          ? `${done} of ${steps.length} steps are done. Leave whenever you like: this page finds what is left.`
          : "All is set up. Agents log in on their own page and wait for a call."}
      </Heading>
      <ol class="steps">
        {steps.map((step, index) => (
          <StepItem
            key={step.key}
            step={step}
            number={index + 1}
            isNext={step === next}
            state={state}
            onChanged={() => void loaded.refresh()}
          />
        ))}
      </ol>
    </>
  );
}

/** What there is to do at a step that is done. */
const AGAIN: Partial<Record<Step["key"], string>> = { defaults: "Change", call: "Ring again" };

interface StepProps {
  step: Step;
  number: number;
  isNext: boolean;
  state: SetupState;
  onChanged: () => void;
}

function StepItem({ step, number, isNext, state, onChanged }: StepProps) {
  const [isOpen, setOpen] = useState(false);
  const isShown = step.to === null && (isNext || isOpen);
  return (
    <li class={isNext ? "step is-next" : "step"} aria-current={isNext ? "step" : undefined}>
      <div class="step-head">
        <span class={step.isDone ? "step-mark is-done" : "step-mark"} aria-hidden="true">
          {step.isDone ? <Icon name="check" /> : number}
        </span>
        <div class="step-words">
          <h2>
            {step.title}
            <span class="sr-only">{step.isDone ? ": done" : ": to do"}</span>
          </h2>
          <p class="quiet">{step.why}</p>
          <p>{step.state}</p>
        </div>
        {step.to !== null ? (
          <Link to={step.to} class={isNext ? "button primary" : "button"}>
            {step.isDone ? "Open" : "Begin"}
            <span class="sr-only"> {step.title}</span>
          </Link>
        ) : (
          !isNext && (
            <button type="button" aria-expanded={isShown} onClick={() => setOpen(!isOpen)}>
              {isOpen ? "Close" : step.isDone ? AGAIN[step.key] : "Begin"}
              <span class="sr-only"> {step.title}</span>
            </button>
          )
        )}
      </div>
      {isShown && step.key === "defaults" && (
        <DefaultsForm defaults={state.defaults} onSaved={onChanged} />
      )}
      {isShown && step.key === "call" && (
        // The call does the step; what came of it stays to be read.
        <div onSubmit={() => setOpen(true)}>
          <Call state={state} onRung={onChanged} />
        </div>
      )}
    </li>
  );
}

function Call({ state, onRung }: { state: SetupState; onRung: () => void }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const systems = state.phone_systems;
  const slug = chosen ?? systems[0]?.slug;
  if (slug === undefined) return <p class="quiet">Add a phone system first.</p>;
  return (
    <>
      {systems.length > 1 && (
        <p class="check">
          <label for="system">Phone system</label>
          <select
            id="system"
            value={slug}
            onChange={(event) => setChosen(event.currentTarget.value)}
          >
            {systems.map((system) => (
              <option key={system.slug} value={system.slug}>
                {system.name ?? system.slug}
              </option>
            ))}
          </select>
        </p>
      )}
      <TestCall key={slug} slug={slug} extension={me.value?.extensions[0] ?? ""} onRung={onRung} />
    </>
  );
}
