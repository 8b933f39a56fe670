/**
 * Makes the pictures of the README: `npm run screenshots`.
 */
import { Effect } from "effect"
import { mkdir } from "node:fs/promises"
import { fileURLToPath } from "node:url"
import { Browser, open, shows, token, warmer } from "./page.ts"

const folder = fileURLToPath(new URL("../../../docs/pictures", import.meta.url))

const desk = { width: 1280, height: 920 }

const pictures = [
  ["dashboard-light", { viewport: desk, colorScheme: "light", deviceScaleFactor: 1 }],
  ["dashboard-dark", { viewport: desk, colorScheme: "dark", deviceScaleFactor: 1 }],
  ["dashboard-phone", { viewport: { width: 390, height: 844 }, colorScheme: "light", deviceScaleFactor: 1 }]
] as const

const program = Effect.gen(function* () {
  yield* Effect.promise(() => mkdir(folder, { recursive: true }))
  const { address } = yield* warmer(["--every", "1", "--monitor", "5"])
  for (const [name, options] of pictures) {
    const { page } = yield* open(address, options)
    yield* shows(page, "table tbody tr", /\d/)
    // So long that the charts have a line.
    yield* Effect.sleep("25 seconds")
    yield* Effect.promise(() => page.getByLabel("Token").fill(token))
    yield* Effect.promise(() => page.getByRole("textbox", { name: "Tag" }).fill("team:2030-31:7"))
    yield* Effect.promise(() => page.getByRole("button", { name: "Invalidate" }).click())
    yield* Effect.promise(() => page.locator(".edge .wave").first().waitFor({ state: "attached" }))
    yield* Effect.promise(() => page.evaluate(() => window.scrollTo(0, 0)))
    yield* Effect.sleep("400 millis")
    yield* Effect.promise(() => page.screenshot({ path: `${folder}/${name}.png` }))
  }
}).pipe(Effect.scoped, Effect.provide(Browser.layer))

await Effect.runPromise(program)
