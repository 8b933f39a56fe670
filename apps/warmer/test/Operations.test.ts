import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, describe, it } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import * as Client from "@letletme/warmer/admin/Client"
import { Effect, Layer, Redacted, Stream } from "effect"
import { mkdtemp, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ask, daemon, health, run, within } from "./process.ts"

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port, lazy: true })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

const token = "0123456789abcdef0123456789abcdef"

/** Has a warmer recover, and answers what came of it. */
const recover = Effect.fnUntraced(function* (address: string, problem: "inconsistency" | "performance" | "connection") {
  const { follow, recover: begin } = yield* Client.make(address, Redacted.make(token))
  const { id } = yield* begin({ params: { problem } })
  const steps = yield* Stream.runCollect(yield* follow({ params: { id } }))
  const outcome = steps.at(-1)?.outcome
  return outcome?._tag === "Recovered" ? outcome : assert.fail("It did not recover.")
}, Effect.provide(NodeHttpClient.layerUndici))

describe("settings", () => {
  it.live("all that are wrong are named at once, each by its variable", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["run", "--port", "0"], {
        CACHE_LEASE: "soon",
        CACHE_NEAR_ENTRIES: "-1",
        CACHE_NAMESPACE: "fine",
        REDIS_PORT: "many"
      })
      assert.strictEqual(code, 2)
      assert.include(stderr, "3 settings are wrong")
      for (const name of ["CACHE_LEASE: ", "CACHE_NEAR_ENTRIES: ", "REDIS_PORT: "]) assert.include(stderr, name)
      assert.notInclude(stderr, "CACHE_NAMESPACE")
    })
  )

  it.live("a maintenance window that is no cron expression is named", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["run", "--port", "0", "--maintenance", "at night"])
      assert.strictEqual(code, 2)
      assert.include(stderr, "--maintenance: ")
    })
  )
})

describe("recovery of a warmer", () => {
  it.live("by command and in a maintenance window: what was altered is found, rebuilt, and right again", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const { mget, scan, set } = yield* Redis
      const args = ["run", "--port", "0", "--every", "30", "--maintenance", "*/2 * * * * *", "--store", url]
      const warmer = yield* daemon(args, { LETLETME_ADMIN_TOKEN: token })
      const address = yield* warmer.address
      yield* health(address, "ready")

      const [key = ""] = yield* Stream.runCollect(Stream.flattenIterable(scan("letletme:team:2030-31:7@*")))
      const [bytes] = yield* mget([key])
      yield* set(key, Uint8Array.from(bytes ?? []).fill(120, -10), { timeToLive: 60_000 })
      const { resolved, trail } = yield* recover(address, "inconsistency")
      assert.isTrue(resolved)
      // A window may have mended it before; then nothing is found.
      assert.include(["Checked", "Resolved"], trail.at(-1)?._tag)
      const mended = yield* mget([key])
      assert.deepStrictEqual(mended[0]?.slice(-10), bytes?.slice(-10))

      for (const problem of ["performance", "connection"] as const) {
        const outcome = yield* recover(address, problem)
        assert.deepStrictEqual(
          outcome.trail.map(({ _tag }) => _tag),
          ["Checked", "Resolved"]
        )
      }
      yield* Effect.retry(
        Effect.filterOrFail(warmer.stderr, (text) => text.includes("Maintenance: ")),
        within
      )
      const metrics = yield* ask(`${address}/metrics`)
      assert.match(metrics.body, /^letletme_cache_leader 1$/m)
      assert.match(metrics.body, /^letletme_cache_redis_memory_usage_bytes \d{6,}$/m)
      assert.match(metrics.body, /^letletme_cache_log_trusted 1$/m)
      assert.match(metrics.body, /^letletme_cache_recovery_unresolved\{problem="connection"\} 0$/m)
      assert.match(metrics.body, /^letletme_warmer_source_age_seconds \d+/m)
    }).pipe(Effect.scoped, Effect.provide(redis))
  )
})

/** A folder for a test's files, removed with its scope. */
const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "warmer-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true }))
)

describe("a warmer that is stopped", () => {
  it.live("tells what is committed, hands over, backs up, and says each", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const file = join(yield* folder, "last.backup")
      const warmer = yield* daemon(["run", "--port", "0", "--store", url, "--backup-on-stop", file])
      yield* health(yield* warmer.address, "ready")
      yield* warmer.signal("SIGTERM")
      assert.strictEqual(yield* warmer.ended, 143)
      const said = yield* warmer.stderr
      assert.include(said, "Stopping: another may lead")
      assert.match(said, /Stopping: \d{3,} entries backed up in \d+ bytes/)
      assert.isAbove((yield* Effect.promise(() => stat(file))).size, 10_000)
      assert.isBelow(said.indexOf("leads no longer"), said.indexOf("another may lead"))
      assert.isBelow(said.indexOf("another may lead"), said.indexOf("entries backed up"))
    }).pipe(Effect.scoped, Effect.provide(redis))
  )
})

describe("a warmer's settings", () => {
  it.live("are read again on SIGHUP: what may change does, what may not is named, what is wrong changes nothing", () =>
    Effect.gen(function* () {
      const file = join(yield* folder, "settings")
      const write = (text: string) => Effect.promise(() => writeFile(file, text))
      yield* write("CACHE_TTL_DERIVED=2 hours\n")
      const warmer = yield* daemon(["run", "--port", "0", "--every", "30", "--settings", file])
      yield* health(yield* warmer.address, "ready")
      const says = (text: string) =>
        Effect.retry(
          Effect.filterOrFail(warmer.stderr, (said) => said.includes(text)),
          within
        )
      yield* write("CACHE_TTL_DERIVED=3 hours\nCACHE_NEAR_ENTRIES=7\n")
      yield* warmer.signal("SIGHUP")
      yield* says("Settings were read again: timeToLive changed; nearEntries wait for a restart")
      yield* write("CACHE_TTL_DERIVED=soon\nCACHE_MAX_TAGS=many\n")
      yield* warmer.signal("SIGHUP")
      yield* says("Settings stay as they are: 2 settings are wrong.")
      yield* write("CACHE_TTL_DERIVED=3 hours\n")
      yield* warmer.signal("SIGHUP")
      yield* says("Settings were read again: nothing changed")
    }).pipe(Effect.scoped)
  )

  it.live("a file that is not there is named before anything is started", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["run", "--port", "0", "--settings", "/nowhere/settings"])
      assert.strictEqual(code, 2)
      assert.include(stderr, "--settings: /nowhere/settings cannot be read")
    })
  )
})
