/** A source that a person connects at the vendor: how the grant stands, connect, connect again. */

import { Icon } from "../../ui/icon";
import { Confirm, StatusLine, useAction } from "../parts/action";
import { Copy } from "../parts/copy";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { type Grant, sources } from "./api";

/** Words for what the vendor's page came back with (`?authorisation=` in the address). */
const CAME_BACK: Readonly<Record<string, string>> = {
  connected: "Connected.",
  denied: "It was refused on the vendor's page. Nothing has changed.",
};

const ADDRESS = "Redirect address to register with the vendor";

/** Before it is live: what has to be done at the vendor, and where Connect will be. */
export function GrantToCome({ address }: { address: string | null }) {
  return (
    <section class="card" aria-labelledby="grant">
      <h2 id="grant">Permission of the vendor</h2>
      <p>
        Somebody has to say yes on the vendor's page. Register this address with an application
        there, put its client id and secret below, and publish: then <em>Connect</em> stands here.
      </p>
      {address && <Copy label={ADDRESS} text={address} />}
    </section>
  );
}

export function GrantPanel({ slug, grant }: { slug: string; grant: Grant }) {
  const action = useAction();
  const now = useLoaded(() => sources.grant(slug), slug);
  const shown = now.value ?? grant;
  const isConnected = shown.state === "connected";
  const word = new URLSearchParams(location.search).get("authorisation");
  const connect = () =>
    action.run(async () => {
      const { authorize_url } = await sources.connect(slug);
      location.assign(authorize_url);
    }, "Going to the vendor's page…");
  const disconnect = () =>
    action.run(async () => {
      await sources.disconnect(slug);
      await now.refresh();
    }, "Disconnected here. At the vendor it stands until it is withdrawn there.");
  return (
    <section class="card" aria-labelledby="grant">
      <h2 id="grant">Permission of the vendor</h2>
      {word && (
        <p role="status">
          {CAME_BACK[word] ?? `It did not work out (${word.replaceAll("_", " ")}). Try again.`}
        </p>
      )}
      <p class={isConnected ? "good" : "bad"}>
        <Icon name={isConnected ? "check" : "warn"} /> {isConnected ? "connected" : shown.text}
      </p>
      {isConnected && shown.connected_at && (
        <p class="quiet">
          since <Moment at={shown.connected_at} />; renewed without anybody
        </p>
      )}
      {shown.redirect_uri && <Copy label={ADDRESS} text={shown.redirect_uri} />}
      <div class="actions">
        <button
          type="button"
          class={isConnected ? undefined : "primary"}
          disabled={action.isBusy}
          onClick={() => void connect()}
        >
          {shown.state === "missing" ? "Connect" : "Connect again"}
        </button>
        {isConnected && (
          <Confirm
            question="Until it is connected again it brings nothing."
            yes="Disconnect it"
            onYes={() => void disconnect()}
          >
            Disconnect
          </Confirm>
        )}
      </div>
      <StatusLine outcome={action.outcome} />
    </section>
  );
}
