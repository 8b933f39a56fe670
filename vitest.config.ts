import { defineConfig } from "vitest/config"

/** Workspace packages resolve to their sources, so a test never runs against a stale build. */
const conditions = ["@letletme/source"]

const project = (folder: string) => ({
  resolve: { conditions: [...conditions, "module", "node", "development|production"] },
  ssr: { resolve: { conditions: [...conditions, "module", "node", "development|production"] } },
  test: {
    name: folder.split("/")[1] ?? folder,
    root: folder,
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 60_000
  }
})

// oxlint-disable-next-line import/no-default-export -- vitest reads the default export
export default defineConfig({
  test: {
    projects: [
      "packages/redis",
      "packages/cache",
      "packages/fpl",
      "packages/store",
      "packages/testing",
      "packages/command",
      "apps/warmer",
      "apps/api",
      "apps/bench",
      "apps/simulate",
      "apps/chaos",
      "apps/crash",
      "examples"
    ].map(project)
  }
})
