/**
 * The dashboard of a real warmer in a real browser.
 */
import { RedisServer } from "@letletme/testing"
import { Config, Context, Effect, Layer, Schedule, Schema } from "effect"
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { delimiter, isAbsolute, join } from "node:path"
import { fileURLToPath } from "node:url"
import { type Browser as Chromium, type BrowserContextOptions, chromium, type Page } from "playwright-core"

export const token = "0123456789abcdef0123456789abcdef-not-for-any-log"

class NotThere extends Schema.TaggedError<NotThere>()("NotThere", { message: Schema.String }) {}

const main = fileURLToPath(import.meta.resolve("@letletme/warmer/main"))

/** Runs a warmer until the scope closes; answers its address, and how to end it before. */
export const warmer = Effect.fnUntraced(function* (args: ReadonlyArray<string>, port = 0) {
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, ["--conditions=@letletme/source", main, "run", "--port", `${port}`, ...args], {
        stdio: ["ignore", "pipe", "pipe"],
        env: { PATH: process.env["PATH"] ?? "", LETLETME_ADMIN_TOKEN: token }
      })
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  let said = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      said += data.toString()
    })
  }
  const address = yield* Effect.suspend(() => {
    const found = /page +(http:\/\/127\.0\.0\.1:\d+\/)/.exec(said)?.[1]
    return found === undefined
      ? Effect.fail(new NotThere({ message: `No address in: ${said}` }))
      : Effect.succeed(found)
  }).pipe(Effect.retry({ schedule: Schedule.spaced("50 millis"), times: 600 }))
  return { address, kill: Effect.sync(() => child.kill("SIGKILL")), port: Number(new URL(address).port) }
})

/** A warmer over a Redis of its own, which a test may mistreat. */
export const warmerOverRedis = Effect.gen(function* () {
  const server = yield* RedisServer
  return { ...(yield* warmer(["--store", server.url, "--every", "1"])), server }
})

/** On PATH, or a path. */
const command = Config.String("LETLETME_CHROMIUM").pipe(Config.withDefault("chromium"))

/** The browser, one for all that need it. */
export class Browser extends Context.Service<Browser, Chromium>()("test/Browser") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const name = yield* command
      const folders = (process.env["PATH"] ?? "").split(delimiter)
      const onPath = folders.map((folder) => join(folder, name)).find((file) => existsSync(file))
      const executablePath = isAbsolute(name) ? name : (onPath ?? name)
      return yield* Effect.acquireRelease(
        Effect.promise(() => chromium.launch({ executablePath, args: ["--no-sandbox"] })),
        (running) => Effect.promise(() => running.close())
      )
    })
  )
}

/** Opens a page at an address, with what it complains of. */
export const open = Effect.fnUntraced(function* (address: string, options: BrowserContextOptions = {}) {
  const running = yield* Browser
  const complaints: Array<string> = []
  const page = yield* Effect.acquireRelease(
    Effect.promise(() => running.newPage({ viewport: { width: 1280, height: 900 }, ...options })),
    (opened) => Effect.promise(() => opened.close())
  )
  page.on("pageerror", (error) => complaints.push(error.message))
  page.on("requestfailed", (request) => {
    if (!request.url().startsWith(address)) complaints.push(`It asks ${request.url()}`)
  })
  page.on("request", (request) => {
    const url = request.url()
    if (!url.startsWith(address) && !url.startsWith("data:")) complaints.push(`It asks ${url}`)
  })
  yield* Effect.promise(() => page.goto(address))
  return { page, complaints }
})

/** Waits for the text in what a selector finds, for at most 20 seconds. */
export const shows = (page: Page, selector: string, text: string | RegExp) =>
  Effect.promise(() => page.locator(selector).filter({ hasText: text }).first().waitFor({ timeout: 20_000 }))
