/** The log-in page, with errors that say what to do. */

import { useState } from "preact/hooks";
import { ApiError, api, type User } from "../api/client";

interface Props {
  /** Why the agent is here although logged in before, if so. */
  reason: string | null;
  onLoggedIn: (user: User) => void;
}

export function LogIn({ reason, onLoggedIn }: Props) {
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");
  const [trouble, setTrouble] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setTrouble(null);
    try {
      const { user } = await api.logIn(email.trim(), password);
      onLoggedIn(user);
    } catch (error) {
      setTrouble(troubleWords(error));
      setBusy(false);
    }
  };

  return (
    <main class="login">
      <form onSubmit={submit}>
        <h1>screenpop</h1>
        {reason && <p>{reason}</p>}
        <label for="email">E-mail</label>
        <input
          id="email"
          type="email"
          autocomplete="username"
          required
          value={email}
          onInput={(event) => setEmail(event.currentTarget.value)}
        />
        <label for="password">Password</label>
        <input
          id="password"
          type="password"
          autocomplete="current-password"
          required
          value={password}
          onInput={(event) => setPassword(event.currentTarget.value)}
        />
        <p class="bad" role="alert">
          {trouble}
        </p>
        <button type="submit" class="primary" disabled={isBusy}>
          {isBusy ? "Logging in…" : "Log in"}
        </button>
      </form>
    </main>
  );
}

function troubleWords(error: unknown): string {
  if (!(error instanceof ApiError)) return "Logging in failed. Try again.";
  if (error.status === 401) return "This e-mail and password do not go together. Try again.";
  if (error.status === 429) return "Too many tries. Wait a minute, then try again.";
  return error.message;
}
