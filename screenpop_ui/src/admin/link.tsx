/** A link to another page of the console: a real address, shown without loading the page anew. */

import type { ComponentChildren } from "preact";
import { addressOf, go, isPlainClick } from "./router";

interface Props {
  to: string;
  children: ComponentChildren;
  class?: string;
  current?: boolean;
}

export function Link({ to, children, current = false, class: name }: Props) {
  return (
    <a
      href={addressOf(to)}
      class={name}
      aria-current={current ? "page" : undefined}
      onClick={(event) => {
        if (!isPlainClick(event)) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}
