import { defineConfig } from "vitest/config"

const conditions = ["@letletme/source", "module", "node", "development|production"]

/** The dashboard in a real browser, which `npm run test:browser` installs: apart from the tests that need none. */
// oxlint-disable-next-line import/no-default-export -- vitest reads the default export
export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: { name: "browser", root: "apps/dashboard", include: ["test/**/*.browser.test.ts"], testTimeout: 90_000 }
})
