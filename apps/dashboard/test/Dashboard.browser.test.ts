import { assert, layer } from "@effect/vitest"
import { graph } from "@letletme/fpl"
import { RedisServer } from "@letletme/testing"
import { Effect } from "effect"
import { createRequire } from "node:module"
import type { Page } from "playwright-core"
import { Browser, open, shows, token, warmer, warmerOverRedis } from "./page.ts"

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js")

interface Violation {
  readonly id: string
  readonly nodes: ReadonlyArray<{ readonly html: string }>
}

/** What the page has against it by WCAG 2.2 AA. */
const violations = (page: Page) =>
  Effect.promise(async () => {
    await page.addScriptTag({ path: axe })
    const found: ReadonlyArray<Violation> = await page.evaluate(
      `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] }).then((r) => r.violations)`
    )
    return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`)
  })

const text = (page: Page, selector: string) => Effect.promise(() => page.locator(selector).first().innerText())

layer(Browser.layer, { excludeTestServices: true, timeout: "60 seconds" })("the dashboard", (it) => {
  it.effect("within ten seconds graph, table and numbers move, and it asks nobody but its server", () =>
    Effect.gen(function* () {
      const { address } = yield* warmer(["--every", "1"])
      const { complaints, page } = yield* open(address)
      yield* shows(page, ".status", "ready")
      yield* shows(page, "table tbody tr", /\d/)
      assert.strictEqual(yield* Effect.promise(() => page.locator("table tbody tr").count()), 20)
      assert.strictEqual(yield* Effect.promise(() => page.locator("svg .node").count()), graph.domains.length)
      const before = yield* text(page, ".facts")
      const first = yield* text(page, ".log li .cause")
      yield* Effect.promise(() =>
        page.waitForFunction(
          ([facts, cause]) =>
            document.querySelector(".facts")?.textContent !== facts &&
            document.querySelector(".log li .cause")?.textContent !== cause,
          [before, first],
          { timeout: 10_000 }
        )
      )
      const size = yield* Effect.promise(() =>
        page.evaluate(() =>
          performance
            .getEntriesByType("resource")
            .concat(performance.getEntriesByType("navigation"))
            .reduce(
              (sum, one) =>
                sum + ("encodedBodySize" in one && /(\/|js|css)$/.test(one.name) ? Number(one.encodedBodySize) : 0),
              0
            )
        )
      )
      assert.isBelow(size, 200_000)
      assert.isAbove(size, 1_000)
      assert.deepStrictEqual(complaints, [])
    }).pipe(Effect.scoped)
  )

  it.effect("an invalidation runs along the edges, and what it reached is loaded again; a wrong token is refused", () =>
    Effect.gen(function* () {
      // So rarely does the source change that the wave is the page's own.
      const { address } = yield* warmer(["--every", "600"])
      const { complaints, page } = yield* open(address)
      yield* shows(page, ".status", "ready")
      yield* shows(page, ".keys button", "team:2030-31:7")
      yield* Effect.promise(() => page.locator(".keys button", { hasText: "team:2030-31:7" }).first().click())
      yield* shows(page, ".why", "fresh")
      yield* Effect.promise(() => page.getByLabel("Token").fill("wrong"))
      yield* Effect.promise(() => page.getByRole("button", { name: "Invalidate" }).click())
      yield* shows(page, ".said[data-refused=true]", /./)
      yield* Effect.promise(() => page.getByLabel("Token").fill(token))
      yield* Effect.promise(() => page.getByRole("button", { name: "What would it reach?" }).click())
      yield* shows(page, ".said[data-refused=false]", /would reach .*match/)
      yield* shows(page, ".why", "fresh")
      yield* Effect.promise(() => page.getByRole("button", { name: "Invalidate" }).click())
      // Between team and match, and between match and standing.
      yield* Effect.promise(() => page.locator(".edge .wave").nth(1).waitFor({ state: "attached", timeout: 5_000 }))
      yield* shows(page, ".said", /tags were invalidated at/)
      yield* shows(page, ".log li", "dashboard")
      yield* Effect.promise(() =>
        page.waitForFunction(() => document.querySelectorAll(".edge .wave").length === 0, undefined, {
          timeout: 10_000
        })
      )
      yield* Effect.promise(() => page.locator(".keys button", { hasText: "team:2030-31:7" }).first().click())
      yield* shows(page, ".why", "fresh")
      assert.deepStrictEqual(complaints, [])
    }).pipe(Effect.scoped)
  )

  it.effect("Redis stopped: the reason is on the page, and goes when Redis is back", () =>
    Effect.gen(function* () {
      const { address, server } = yield* warmerOverRedis
      const { page } = yield* open(address)
      yield* shows(page, ".status", "ready")
      yield* server.kill
      yield* shows(page, ".reasons", "The invalidation log does not answer.")
      yield* shows(page, ".status", "degraded")
      yield* server.start
      yield* shows(page, ".status", "ready")
    }).pipe(Effect.scoped, Effect.provide(RedisServer.layer))
  )

  it.effect("a lost connection is said, and made up for: what came meanwhile is in the log", () =>
    Effect.gen(function* () {
      const first = yield* warmer(["--every", "1"])
      const { page } = yield* open(first.address)
      yield* shows(page, ".status", "ready")
      yield* Effect.promise(() => page.context().setOffline(true))
      yield* Effect.promise(() => page.evaluate(() => window.dispatchEvent(new Event("offline"))))
      yield* first.kill
      yield* shows(page, ".status", "not connected")
      yield* shows(page, ".reasons", "The warmer does not answer.")
      yield* Effect.promise(() => page.context().setOffline(false))
      yield* warmer(["--every", "1"], first.port)
      yield* shows(page, ".status", "ready")
    }).pipe(Effect.scoped)
  )

  it.effect("is usable by keyboard and screen reader, light and dark, and on a phone without scrolling sideways", () =>
    Effect.gen(function* () {
      const { address } = yield* warmer([])
      for (const colorScheme of ["light", "dark"] as const) {
        const { page } = yield* open(address, { colorScheme, bypassCSP: true })
        yield* shows(page, "table tbody tr", /\d/)
        yield* shows(page, ".keys button", "team:")
        assert.deepStrictEqual(yield* violations(page), [])
      }
      const { page } = yield* open(address, { viewport: { width: 360, height: 740 }, hasTouch: true })
      yield* shows(page, "table tbody tr", /\d/)
      const [inner, outer] = yield* Effect.promise(() =>
        page.evaluate(() => [document.documentElement.scrollWidth, window.innerWidth] as const)
      )
      assert.isAtMost(inner, outer)
      // By keyboard alone: the domain is chosen in the graph, and a key in the list.
      yield* Effect.promise(() => page.locator("svg .node", { hasText: "match" }).focus())
      yield* Effect.promise(() => page.keyboard.press("Enter"))
      yield* shows(page, ".keys button", "match:")
      yield* Effect.promise(() => page.locator(".keys button").first().focus())
      yield* Effect.promise(() => page.keyboard.press("Enter"))
      yield* shows(page, ".why", "match:")
    }).pipe(Effect.scoped)
  )
})
