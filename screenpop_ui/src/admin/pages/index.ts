/** Every page of the console. A page is added here and nowhere else. */

import type { ComponentType } from "preact";
import { CustomersPage } from "./customers";
import { HealthPage } from "./health";
import { OverviewPage } from "./overview";
import { PeoplePage } from "./people";
import { PhonePage } from "./phone";
import { PhonesPage } from "./phones";
import { RulesPage } from "./rules";
import { SetupPage } from "./setup";
import { SourcePage } from "./source";
import { SourcesPage } from "./sources";
import { SuggestionsPage } from "./suggestions";

export interface PageProps {
  /** The rest of the path: a slug, or "" on a list. */
  slug: string;
}

export interface Page {
  /** Below /admin; one that ends in "/" takes a slug. */
  path: string;
  /** In the navigation and in the browser's title. */
  title: string;
  /** Whether it stands in the navigation. */
  listed: boolean;
  component: ComponentType<PageProps>;
}

export const PAGES: readonly Page[] = [
  { path: "", title: "Overview", listed: true, component: OverviewPage },
  { path: "sources", title: "Data sources", listed: true, component: SourcesPage },
  { path: "sources/", title: "Data source", listed: false, component: SourcePage },
  { path: "phones", title: "Phone systems", listed: true, component: PhonesPage },
  { path: "phones/", title: "Phone system", listed: false, component: PhonePage },
  { path: "people", title: "People", listed: true, component: PeoplePage },
  { path: "people/", title: "Person", listed: false, component: PeoplePage },
  { path: "rules", title: "Rules", listed: true, component: RulesPage },
  { path: "customers", title: "Customers to mend", listed: true, component: CustomersPage },
  { path: "customers/", title: "Customers to mend", listed: false, component: CustomersPage },
  { path: "suggestions", title: "Suggestions", listed: true, component: SuggestionsPage },
  { path: "health", title: "Health", listed: true, component: HealthPage },
  { path: "setup", title: "Set-up", listed: true, component: SetupPage },
];

/** The page of a path, and its slug; null when there is none. */
export function pageOf(path: string): { page: Page; slug: string } | null {
  const exact = PAGES.find((page) => page.path === path);
  if (exact) return { page: exact, slug: "" };
  const [area, ...rest] = path.split("/");
  const page = PAGES.find((each) => each.path === `${area}/`);
  return page && rest.length > 0 ? { page, slug: rest.join("/") } : null;
}
