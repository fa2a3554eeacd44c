/** The steps of the first run, told from what is configured: nothing is kept in the browser. */

import { get, put } from "../api";

export interface Defaults {
  default_region: string | null;
  default_currency: string | null;
  region_from_environment: string | null;
  version: number;
}

export interface SystemState {
  slug: string;
  name: string | null;
  kind: string;
  last_event_at: string | null;
}

export interface SetupState {
  defaults: Defaults;
  phone_systems: SystemState[];
  connectors: number;
  customers: number;
  agents: number;
  has_rung: boolean;
}

export interface Step {
  key: "defaults" | "phones" | "sources" | "people" | "call";
  title: string;
  why: string;
  isDone: boolean;
  /** What is there, in words. */
  state: string;
  /** The page where it is done; null: here. */
  to: string | null;
}

export const readSetup = () => get<SetupState>("setup");

export const saveDefaults = (region: string | null, currency: string | null, version: number) =>
  put<Defaults>("setup/defaults", { default_region: region, default_currency: currency }, version);

const counted = (count: number, one: string, many: string) =>
  count === 0 ? `no ${many} yet` : `${count} ${count === 1 ? one : many}`;

export function stepsOf(state: SetupState): Step[] {
  const { default_region, default_currency, region_from_environment } = state.defaults;
  const region = default_region ?? region_from_environment;
  return [
    {
      key: "defaults",
      title: "Region and currency",
      why: "How numbers without a country code are read, and amounts without a currency.",
      isDone: region !== null && default_currency !== null,
      state: [region ?? "no region yet", default_currency ?? "no currency yet"].join(", "),
      to: null,
    },
    {
      key: "phones",
      title: "Phone system",
      why: "Tells screenpop that a phone rings, and whose.",
      isDone: state.phone_systems.length > 0,
      state: counted(state.phone_systems.length, "phone system", "phone systems"),
      to: "phones",
    },
    {
      key: "sources",
      title: "Data sources",
      why: "Say who is calling, what they owe, what they bought, what terms they have.",
      isDone: state.connectors > 0,
      state:
        state.connectors === 0
          ? "no data source yet"
          : `${counted(state.connectors, "data source", "data sources")}, ${counted(state.customers, "customer", "customers")}`,
      to: "sources",
    },
    {
      key: "people",
      title: "Agents",
      why: "Who takes calls, and at which extension or for which queue.",
      isDone: state.agents > 0,
      state: counted(state.agents, "person takes calls", "people who take calls"),
      to: "people",
    },
    {
      key: "call",
      title: "A test call",
      why: "Rings an extension through the real webhook: see the pop.",
      isDone: state.has_rung,
      state: state.has_rung ? "a call has come in" : "no call yet",
      to: null,
    },
  ];
}

/** The step to go on with: the first one that is not done. */
export const nextStep = (steps: readonly Step[]): Step | null =>
  steps.find((step) => !step.isDone) ?? null;
