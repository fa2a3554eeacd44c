/** The first page: what is left of the set-up, and the way to each part. */

import { useEffect } from "preact/hooks";
import { Icon } from "../../ui/icon";
import { health } from "../health/api";
import { Link } from "../link";
import { useLoaded } from "../parts/loaded";
import { Moment } from "../parts/moment";
import { Failed, Heading, Loading } from "../parts/states";
import { go } from "../router";
import { nextStep, readSetup, stepsOf } from "../setup/state";

export function OverviewPage() {
  const loaded = useLoaded(readSetup, null, { everyMs: 10_000 });
  const state = loaded.value;
  const steps = state ? stepsOf(state) : [];
  const next = nextStep(steps);
  const isFresh = state !== null && steps.every((step) => !step.isDone || step.key === "defaults");
  useEffect(() => {
    // Nothing is there yet: the set-up is the only thing to do.
    if (isFresh) go("setup");
  }, [isFresh]);
  return (
    <>
      <Heading title="Overview" />
      {loaded.error !== null && (
        <Failed error={loaded.error} onRetry={() => void loaded.refresh()} />
      )}
      {state === null && loaded.error === null && <Loading />}
      {state && (
        <div class="stack">
          {next && (
            <p class="ask">
              <span>
                Left to set up: <strong>{next.title.toLowerCase()}</strong>.
              </span>
              <Link to="setup" class="button primary">
                Go on with the set-up
              </Link>
            </p>
          )}
          <div class="cards">
            <section class="card">
              <h2>
                <Link to="phones">Phone systems</Link>
              </h2>
              {state.phone_systems.length === 0 && <p class="quiet">None yet.</p>}
              <ul>
                {state.phone_systems.map((system) => (
                  <li key={system.slug}>
                    <Link to={`phones/${system.slug}`}>
                      <bdi>{system.name ?? system.slug}</bdi>
                    </Link>{" "}
                    <span class="quiet">
                      {system.last_event_at ? (
                        <>
                          last event <Moment at={system.last_event_at} />
                        </>
                      ) : (
                        "no event yet"
                      )}
                    </span>
                  </li>
                ))}
              </ul>
            </section>
            {steps
              .filter((step) => step.key === "sources" || step.key === "people")
              .map((step) => (
                <section class="card" key={step.key}>
                  <h2>
                    <Link to={step.to ?? "setup"}>{step.title}</Link>
                  </h2>
                  <p>
                    {step.isDone && <Icon name="check" />} {step.state}
                  </p>
                </section>
              ))}
            <section class="card">
              <h2>
                <Link to="health">Health</Link>
              </h2>
              <HealthNow />
            </section>
          </div>
        </div>
      )}
    </>
  );
}

/** What needs a hand, as the page behind it says; quiet while it is not known. */
function HealthNow() {
  const loaded = useLoaded(() => health.overview(24), null, { everyMs: 30_000 });
  const marks = loaded.value?.marks;
  if (!marks) return <p class="quiet">How quickly pops come, and what needs a hand.</p>;
  if (marks.length === 0) {
    return (
      <p class="mark is-good">
        <Icon name="check" /> Nothing needs a hand.
      </p>
    );
  }
  return (
    <ul>
      {marks.map((mark) => (
        <li key={`${mark.slug} ${mark.text}`} class={mark.level === "bad" ? "bad" : ""}>
          <Icon name={mark.level === "bad" ? "stop" : "warn"} /> <bdi>{mark.text}</bdi>
        </li>
      ))}
    </ul>
  );
}
