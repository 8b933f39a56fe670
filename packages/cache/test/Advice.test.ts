import { assert, describe, it } from "@effect/vitest"
import { Acl, Advice } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer, TcpProxy } from "@letletme/testing"
import { Context, Effect, Layer, Logger, Redacted } from "effect"
import { eventually } from "./tiers.ts"

/** A server that is started so. */
const start = (...args: ReadonlyArray<string>) =>
  Effect.map(Layer.build(Layer.fresh(RedisServer.layerWith({ args }))), (context) => Context.get(context, RedisServer))

const checksOf = ({ findings }: Advice.Looked) => findings.map(({ check, severity }) => `${severity} ${check}`)

const unsound = ["--maxmemory-policy", "allkeys-lru", "--notify-keyspace-events", "AKE"]

describe("Advice", () => {
  it.live("says what is wrong, why it hurts and what to do", () =>
    Effect.gen(function* () {
      const { port } = yield* start(...unsound)
      const looked = yield* Effect.provide(Advice.look({ name: "The cache" }), Redis.layer({ port }))
      assert.deepStrictEqual(checksOf(looked), [
        "error memory policy",
        "warning memory policy",
        "warning persistence",
        "warning events"
      ])
      assert.deepStrictEqual(looked.skipped, [])
      const [policy] = looked.findings
      assert.include(policy?.found, "The cache has allkeys-lru: it may evict the table of the log")
      assert.include(policy?.remedy, "CONFIG SET maxmemory-policy volatile-lru")
    }).pipe(Effect.scoped)
  )

  it.live("where a managed service has no CONFIG, looks at the rest and says what it could not", () =>
    Effect.gen(function* () {
      const { port } = yield* start(...unsound, "--rename-command", "CONFIG", "")
      const looked = yield* Effect.provide(Advice.look(), Redis.layer({ port }))
      assert.deepStrictEqual(checksOf(looked), ["error memory policy", "warning memory policy"])
      assert.deepStrictEqual(
        looked.skipped.map(({ check }) => check),
        ["persistence", "events"]
      )
    }).pipe(Effect.scoped)
  )

  it.live("needs no more than the least privilege: one refusal, and it asks no further", () =>
    Effect.gen(function* () {
      const { port } = yield* start("--user", "least", "on", ">secret", ...Acl.rules({ namespace: "letletme" }))
      const login = { username: "least", password: Redacted.make("secret") }
      const looked = yield* Effect.provide(Advice.look(), Redis.layer({ port, ...login }))
      assert.deepStrictEqual(checksOf(looked), ["warning memory policy"])
      const log = yield* Effect.provide(
        Redis.use(({ send }) => send("ACL", "LOG")),
        Redis.layer({ port })
      )
      assert.strictEqual(Array.isArray(log) ? log.length : 0, 1)
      assert.match(String(log), /count,1,.*object,config/)
    }).pipe(Effect.scoped)
  )

  it.live("is given when the connection is made, also late, and logged", () =>
    Effect.gen(function* () {
      const server = yield* start("--maxmemory", "64mb", "--notify-keyspace-events", "AKE")
      const proxy = yield* TcpProxy.make(server.port)
      yield* proxy.become({ _tag: "Refuse" })
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => {
        lines.push(String(message))
      })
      const advised = Advice.Advice.layer().pipe(
        Layer.provide(Redis.layer({ port: proxy.port, lazy: true })),
        Layer.provide(Logger.layer([logger]))
      )
      const { latest } = Context.get(yield* Layer.build(advised), Advice.Advice)
      assert.deepStrictEqual(yield* latest, { findings: [], skipped: [] })
      yield* proxy.become({ _tag: "Open" })
      const looked = yield* eventually(Effect.filterOrFail(latest, ({ findings }) => findings.length > 0))
      assert.deepStrictEqual(checksOf(looked), ["warning persistence", "warning events"])
      yield* eventually(Effect.suspend(() => (lines.length === 2 ? Effect.void : Effect.fail("not logged yet"))))
      assert.deepStrictEqual(
        lines.map((line) => line.slice(0, line.indexOf(":"))),
        ["persistence", "events"]
      )
    }).pipe(Effect.scoped)
  )
})
