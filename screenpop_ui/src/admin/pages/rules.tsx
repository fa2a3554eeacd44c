/** Rules: who gets a higher level of service, which alerts show, outcomes, blocks; with a preview. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { focusWrong } from "../../forms/field";
import { type Trouble, within } from "../../forms/schema";
import { isChangedMeanwhile } from "../api";
import { StatusLine, useAction } from "../parts/action";
import { useLoaded } from "../parts/loaded";
import { Failed, Heading, Loading } from "../parts/states";
import { unsaved } from "../router";
import { Alerts } from "../rules/alerts";
import { type RuleSet, type Rules, rulesApi } from "../rules/api";
import { Layouts } from "../rules/layouts";
import { Outcomes } from "../rules/outcomes";
import { PreviewOnCall } from "../rules/preview";
import { Priorities } from "../rules/priorities";

type Part = keyof RuleSet;

export function RulesPage() {
  const loaded = useLoaded(rulesApi.read);
  return (
    <>
      <Heading title="Rules">
        What agents see of a call. A change holds for the next calls; try it on a recent one first.
      </Heading>
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {loaded.value === null && loaded.error === null && <Loading lines={8} />}
      {loaded.value && <Editor saved={loaded.value} />}
    </>
  );
}

function Editor({ saved: first }: { saved: Rules }) {
  const [saved, setSaved] = useState(first);
  const [typed, setTyped] = useState<RuleSet>(() => ruleSetOf(first));
  useEffect(
    () => () => {
      unsaved.value = null;
    },
    [],
  );
  const change = (changes: Partial<RuleSet>) => setTyped({ ...typed, ...changes });
  const isDirty = (part: Part) => JSON.stringify(typed[part]) !== JSON.stringify(saved[part]);
  const parts: Part[] = ["priorities", "alerts", "dispositions", "pop_layout"];
  useEffect(() => {
    unsaved.value = parts.some(isDirty) ? "some rules" : null;
  }, [typed, saved]);
  const shared = (part: Part, title: string) => ({
    part,
    title,
    typed,
    saved,
    isDirty: isDirty(part),
    onSaved: (rules: Rules) => {
      setSaved(rules);
      setTyped({ ...typed, [part]: rules[part] });
    },
    onTheirs: (rules: Rules) => {
      setSaved(rules);
      setTyped(ruleSetOf(rules));
    },
    onMine: setSaved,
  });
  return (
    <div class="with-preview">
      <div class="stack">
        <Section {...shared("priorities", "Level of service")}>
          {(errors) => (
            <>
              <p class="hint">Tried from the top; the first rule that fits a caller counts.</p>
              <Priorities
                key={saved.version}
                rules={typed.priorities}
                onChange={(priorities) => change({ priorities })}
                errors={errors}
              />
            </>
          )}
        </Section>
        <Section {...shared("alerts", "Alerts")}>
          {(errors) => (
            <Alerts
              rules={typed.alerts}
              onChange={(alerts) => change({ alerts })}
              errors={errors}
            />
          )}
        </Section>
        <Section {...shared("pop_layout", "Blocks of the pop")}>
          {(errors) => (
            <>
              <p class="hint">
                A block that is not ticked is not sent to the agent's browser, and neither are the
                alerts that come from it.
              </p>
              <Layouts
                layouts={typed.pop_layout}
                queues={saved.queues}
                onChange={(pop_layout) => change({ pop_layout })}
                errors={errors}
              />
            </>
          )}
        </Section>
        <Section {...shared("dispositions", "Outcomes of a call")}>
          {(errors) => (
            <Outcomes
              names={typed.dispositions}
              usual={saved.usual_dispositions}
              onChange={(dispositions) => change({ dispositions })}
              errors={errors}
            />
          )}
        </Section>
      </div>
      <PreviewOnCall rules={typed} />
    </div>
  );
}

const ruleSetOf = ({ priorities, alerts, dispositions, pop_layout }: Rules): RuleSet => ({
  priorities,
  alerts,
  dispositions,
  pop_layout,
});

interface SectionProps {
  part: Part;
  title: string;
  typed: RuleSet;
  saved: Rules;
  isDirty: boolean;
  onSaved: (rules: Rules) => void;
  /** Take what somebody else saved, or only its version. */
  onTheirs: (rules: Rules) => void;
  onMine: (rules: Rules) => void;
  children: (errors: readonly Trouble[]) => ComponentChildren;
}

function Section(props: SectionProps) {
  const { part, title, typed, saved, isDirty, onSaved, onTheirs, onMine, children } = props;
  const action = useAction();
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    // What was wrong is being mended.
    if (action.errors.length > 0) action.clear();
  }, [typed[part]]);
  const save = async () => {
    const done = await action.run(() => rulesApi.save({ [part]: typed[part] }, saved.version));
    if (done) onSaved(done);
    else focusWrong(box.current);
  };
  return (
    <section class="card" aria-labelledby={part} ref={box}>
      <h2 id={part}>{title}</h2>
      {children(within(action.errors, `/${part}`))}
      <div class="actions">
        <button
          type="button"
          class={isDirty ? "primary" : ""}
          disabled={action.isBusy || !isDirty}
          onClick={() => void save()}
        >
          Save<span class="sr-only"> {title}</span>
        </button>
        {isChangedMeanwhile(action.error) && (
          <>
            <button
              type="button"
              onClick={() =>
                void action.run(
                  async () => onTheirs(await rulesApi.read()),
                  "This is what they saved.",
                )
              }
            >
              Show what they saved
            </button>
            <button
              type="button"
              onClick={() =>
                void action.run(
                  async () => onMine(await rulesApi.read()),
                  "What you typed is kept: save again to put it over theirs.",
                )
              }
            >
              Keep what I typed
            </button>
          </>
        )}
        <StatusLine outcome={action.outcome} />
      </div>
    </section>
  );
}
