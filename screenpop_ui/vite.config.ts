import { defineConfig } from "vitest/config";

// Relative addresses, so that the pages also work below a path of a reverse proxy.
export default defineConfig({
  base: "./",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: ["chrome123", "firefox128", "safari17.5"],
    // The content security policy allows no inline script and no data: address.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ["index.html", "widget.html", "admin.html"] },
  },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
