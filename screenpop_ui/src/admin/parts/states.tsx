/** How a page begins, and how it looks while coming, empty or failed. */

import type { ComponentChildren } from "preact";
import { Icon } from "../../ui/icon";
import { wordsOf } from "../api";
import { Link } from "../link";

interface HeadingProps {
  title: ComponentChildren;
  /** What the page is for, in a sentence. */
  children?: ComponentChildren;
  actions?: ComponentChildren;
  /** The list this page belongs to. */
  up?: { to: string; title: string };
}

export function Heading({ title, children, actions, up }: HeadingProps) {
  return (
    <header class="heading">
      {up && (
        <p class="heading-up">
          <Link to={up.to}>{up.title}</Link>
        </p>
      )}
      <div class="heading-row">
        <h1>
          <bdi>{title}</bdi>
        </h1>
        {actions && <div class="actions">{actions}</div>}
      </div>
      {children && <p class="quiet">{children}</p>}
    </header>
  );
}

/** The shape of what is to come; said once to screen readers. */
export function Loading({ lines = 4 }: { lines?: number }) {
  return (
    <div class="coming" aria-busy="true">
      <span class="sr-only">coming</span>
      {Array.from({ length: lines }, (_, index) => (
        <span key={index} class="bone" aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <div class="empty">{children}</div>;
}

/** What failed, why, and the way to try again. */
export function Failed({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  return (
    <div class="failed" role="alert">
      <p>
        <Icon name="warn" /> {wordsOf(error)}
      </p>
      {onRetry && (
        <button type="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function NoSuchPage() {
  return (
    <Heading title="There is no such page">
      The address may be wrong, or what it named was removed. <Link to="">To the overview</Link>
    </Heading>
  );
}
