/** Navigation, account and theme around every page; below 60rem the navigation is a menu. */

import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { base, type User } from "../api/client";
import { nextTheme, theme } from "../ui/theme";
import { Link } from "./link";
import { PAGES, pageOf } from "./pages";
import { leave, leavingTo, path, stay, unsaved } from "./router";

interface Props {
  user: User;
  onLogOut: () => void;
  children: ComponentChildren;
}

export function Frame({ user, onLogOut, children }: Props) {
  const isOpen = useSignal(false);
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  useEffect(() => {
    isOpen.value = false;
    // A screen reader goes on reading where the page begins.
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path.value]);
  return (
    <div class="console">
      <a class="skip" href="#content">
        To the content
      </a>
      <header class={isOpen.value ? "side is-open" : "side"}>
        <div class="side-top">
          <strong>screenpop</strong>
          <button
            type="button"
            class="menu"
            aria-expanded={isOpen.value}
            aria-controls="navigation"
            onClick={() => {
              isOpen.value = !isOpen.value;
            }}
          >
            Menu
          </button>
        </div>
        <div class="side-rest" id="navigation">
          <nav aria-label="Console">
            <ul>
              {PAGES.filter((page) => page.listed).map((page) => (
                <li key={page.path}>
                  <Link to={page.path} class="side-link" current={isAt(page.path)}>
                    {page.title}
                  </Link>
                </li>
              ))}
            </ul>
          </nav>
          <div class="side-foot">
            <span class="side-me">
              <bdi>{user.name}</bdi>
            </span>
            <a href={base.pathname}>Agent's page</a>
            <button type="button" class="link" onClick={nextTheme}>
              Colours: {theme.value === "auto" ? "as the computer" : theme.value}
            </button>
            <button type="button" class="link" onClick={onLogOut}>
              Log out
            </button>
          </div>
        </div>
      </header>
      <main class="content" id="content" ref={main} tabIndex={-1}>
        <Leaving />
        {children}
      </main>
    </div>
  );
}

/** Whether a page of the navigation, or one below it, is shown. */
function isAt(listed: string): boolean {
  const shown = pageOf(path.value)?.page.path ?? null;
  return shown === listed || (listed !== "" && shown === `${listed}/`);
}

function Leaving() {
  const stayButton = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (leavingTo.value !== null) stayButton.current?.focus();
  }, [leavingTo.value]);
  if (leavingTo.value === null) return null;
  return (
    <section class="ask is-sticky" role="alert">
      <p>Not saved: {unsaved.value ?? "what you typed"}. If you leave, it is lost.</p>
      <button type="button" class="primary" ref={stayButton} onClick={stay}>
        Stay
      </button>
      <button type="button" onClick={leave}>
        Leave without saving
      </button>
    </section>
  );
}
