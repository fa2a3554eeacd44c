/** The frame of a block: title, state in words, body, what is in conflict, sources and ages. */

import { type ComponentChildren, createContext } from "preact";
import { useContext, useId } from "preact/hooks";
import type { Section, SectionStatus } from "../../api/contract";
import { everyQuarterMinute } from "../../live/clock";
import { Icon, type IconName } from "../icon";
import { LinkOut } from "../pieces";
import { conflictWords, sourceWords, troubleWords } from "../words";
import { type Fitted, useFitted } from "./fitted";

const TAGS: Partial<Record<SectionStatus, { icon: IconName; text: string }>> = {
  loading: { icon: "dots", text: "coming" },
  stale: { icon: "clock", text: "old" },
  partial: { icon: "half", text: "not complete" },
  timeout: { icon: "cross", text: "no answer" },
  failed: { icon: "cross", text: "failed" },
  not_configured: { icon: "plug", text: "not set up" },
  hidden: { icon: "lock", text: "hidden" },
};

interface Props<Data> {
  name: string;
  title: string;
  section: Section<Data> | undefined;
  /** The shape of what is coming: how many lines stand under the big figure. */
  lines?: number;
  currency?: string | null;
  children: (data: Data) => ComponentChildren;
}

export function Block<Data>({ name, title, section, lines = 3, currency, children }: Props<Data>) {
  const titleId = useId();
  const whose = useContext(Whose);
  const status = section?.status ?? "not_configured";
  const tag = TAGS[status];
  const data = section?.data ?? null;
  const isShown = data !== null && status !== "hidden" && status !== "empty";
  const fitted = useFitted();
  return (
    <section
      class={`block block-${name} is-${status}${fitted.isOpen ? " is-open" : ""}`}
      aria-labelledby={whose ? `${whose} ${titleId}` : titleId}
      aria-busy={status === "loading"}
    >
      <header class="block-head">
        <h2 id={titleId}>{title}</h2>
        {tag && (
          <span class="tag">
            <Icon name={tag.icon} /> {tag.text}
          </span>
        )}
        <More title={title} fitted={fitted} />
      </header>
      <div class="block-body" ref={fitted.body}>
        {isShown && children(data)}
        {!isShown && status === "loading" && <Bones lines={lines} />}
        {!isShown && <Trouble section={section} isAlone />}
      </div>
      {isShown && section && (
        <div class="remarks">
          {section.conflicts.map((conflict) => (
            <p class="remark" key={conflict.field}>
              {conflictWords(conflict, section, currency ?? null)}
            </p>
          ))}
          <Trouble section={section} isAlone={false} />
        </div>
      )}
      <Foot section={section} />
    </section>
  );
}

/** The element that says whose blocks these are, where a page shows the same ones twice. */
export const Whose = createContext<string | null>(null);

/** Why a block is empty when nobody is identified: then "nothing on record" would be wrong. */
export const NobodyYet = createContext<string | null>(null);

interface TroubleProps {
  section: Section<unknown> | undefined;
  isAlone: boolean;
}

function Trouble({ section, isAlone }: TroubleProps) {
  const nobodyYet = useContext(NobodyYet);
  const said = section
    ? troubleWords(section, everyQuarterMinute.value)
    : "Not set up: no source is connected for this.";
  const text = section?.status === "empty" ? (nobodyYet ?? said) : said;
  if (text === null) return null;
  return <p class={isAlone ? "trouble-alone" : "remark"}>{text}</p>;
}

/** The shape of the content that is coming; still, so that it does not draw the eye. */
function Bones({ lines }: { lines: number }) {
  return (
    <div class="bones" aria-hidden="true">
      <span class="bone bone-big" />
      {Array.from({ length: lines }, (_, index) => (
        <span class="bone" key={index} />
      ))}
    </div>
  );
}

function Foot({ section }: { section: Section<unknown> | undefined }) {
  const now = everyQuarterMinute.value;
  const sources = section?.sources ?? [];
  if (sources.length === 0) return null;
  return (
    <div class="block-foot">
      {sources.map((source) => (
        <span class={`source is-${source.status}`} key={source.connector}>
          <LinkOut to={source.remote_url}>{sourceWords(source, now)}</LinkOut>
        </span>
      ))}
    </div>
  );
}

/** The way to what did not fit. */
function More({ title, fitted }: { title: string; fitted: Fitted }) {
  const { isOpen, left } = fitted;
  if (!isOpen && left === null) return null;
  return (
    <button type="button" class="link more" aria-expanded={isOpen} onClick={fitted.turn}>
      {isOpen ? "less" : left ? `${left} more` : "more"}
      <span class="sr-only">: {title}</span>
    </button>
  );
}
