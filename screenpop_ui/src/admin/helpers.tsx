/** For who may not administer: who can help instead. */

import { useEffect, useState } from "preact/hooks";
import { base, type User } from "../api/client";
import { get } from "./api";

interface Helper {
  name: string;
  email: string;
}

export function HelpFrom({ user, onLogOut }: { user: User; onLogOut: () => void }) {
  const [helpers, setHelpers] = useState<Helper[]>([]);
  useEffect(() => {
    get<{ items: Helper[] }>("administrators").then(
      ({ items }) => setHelpers(items),
      () => setHelpers([]),
    );
  }, []);
  return (
    <main class="login">
      <div class="card">
        <h1>This is for administrators</h1>
        <p>
          You are logged in as <bdi>{user.name}</bdi> ({user.role}). To change phone systems, data
          sources, people or rules, ask:
        </p>
        <ul class="helpers">
          {helpers.map((helper) => (
            <li key={helper.email}>
              <bdi>{helper.name}</bdi>, <a href={`mailto:${helper.email}`}>{helper.email}</a>
            </li>
          ))}
        </ul>
        <p>
          <a href={base.pathname}>To the agent's page</a>
        </p>
        <button type="button" class="link" onClick={onLogOut}>
          Log out
        </button>
      </div>
    </main>
  );
}
