import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it, layer } from "@effect/vitest"
import { Acl, type Advice, CacheManager, Cipher, DependencyGraph, DomainCache, Lookup } from "@letletme/cache"
import { ExitCode } from "@letletme/command"
import { Redis } from "@letletme/redis"
import { RedisServer, TcpProxy } from "@letletme/testing"
import { Clock, ConfigProvider, Effect, FileSystem, Layer, Schedule, Schema } from "effect"
import { runHere } from "./inProcess.ts"
import { diagnose, type Env, folder, found, key, patient, sound } from "./diagnosis.ts"

const soundServer = RedisServer.layerWith({ args: sound })
const connected = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(soundServer)
)

/** The variables of a set-up with which nothing is wrong. */
const healthy = Effect.gen(function* () {
  const { url } = yield* RedisServer
  return { ...patient, REDIS_URL: url, DATABASE_URL: `${yield* folder}/database` } satisfies Env
})

const configure = Effect.fnUntraced(function* (changes: Readonly<Record<string, string>>) {
  const redis = yield* Redis
  for (const [name, value] of Object.entries(changes)) {
    const before = yield* redis.send("CONFIG", "GET", name)
    yield* Effect.acquireRelease(redis.send("CONFIG", "SET", name, value), () =>
      Effect.orDie(redis.send("CONFIG", "SET", name, Array.isArray(before) ? String(before[1]) : ""))
    )
  }
})

class Notes extends DomainCache.Service<Notes>()("test/DoctorNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id))
}) {}

/** Has an entry in the store, encrypted where there are keys. */
const fill = (keys: string | undefined) =>
  Effect.gen(function* () {
    const { port } = yield* RedisServer
    const env = keys === undefined ? {} : { CACHE_ENCRYPTION_KEYS: keys }
    const cache = Notes.layer.pipe(
      Layer.provide(CacheManager.layerRedis),
      Layer.provide(Redis.layer({ port })),
      Layer.provide(Cipher.Cipher.layerConfig),
      Layer.provide([NodeFileSystem.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env }))])
    )
    yield* Effect.provide(
      Notes.use((notes) => notes.get("1")),
      cache
    )
  })

layer(connected, { excludeTestServices: true })("a server with which something is wrong", (it) => {
  it.effect("nothing is wrong: nothing is found, nothing is left", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const redis = yield* Redis
      const diagnosis = yield* diagnose(env)
      assert.deepStrictEqual([diagnosis.findings, diagnosis.skipped], [[], []])
      assert.isAtLeast(diagnosis.checks, 10)
      assert.deepStrictEqual(yield* redis.send("KEYS", "*"), [])
    })
  )

  it.effect("nothing is wrong, by a user who may do what the cache does and nothing more", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const redis = yield* Redis
      yield* redis.send("ACL", "SETUSER", "least", "reset", "on", ">secret", ...Acl.rules({ namespace: "letletme" }))
      const diagnosis = yield* diagnose({ ...env, REDIS_USERNAME: "least", REDIS_PASSWORD: "secret" })
      assert.deepStrictEqual(diagnosis.findings, [])
      assert.deepStrictEqual(
        diagnosis.skipped.map(({ check }) => check),
        ["persistence", "events"]
      )
      // Redis logs what it refuses: of the doctor's there is only what it asks an administrator.
      assert.notMatch(String(yield* redis.send("ACL", "LOG")), /object,(?!config)/)
      yield* redis.send("ACL", "LOG", "RESET")
    })
  )

  const planted: ReadonlyArray<
    readonly [name: string, Readonly<Record<string, string>>, Advice.Finding["severity"], string, RegExp, RegExp]
  > = [
    [
      "evicts the table",
      { "maxmemory-policy": "allkeys-lru" },
      "error",
      "memory policy",
      /allkeys-lru/,
      /volatile-lru/
    ],
    ["no bound", { maxmemory: "0" }, "warning", "memory policy", /no maxmemory/, /CONFIG SET maxmemory/],
    [
      "full, and evicts nothing",
      { "maxmemory-policy": "noeviction", maxmemory: "1048576" },
      "error",
      "memory policy",
      /evicts nothing/,
      /volatile-lru/
    ],
    ["keeps nothing", { appendonly: "no" }, "warning", "persistence", /keeps nothing/, /appendonly yes/],
    [
      "publishes events",
      { "notify-keyspace-events": "AKE" },
      "warning",
      "events",
      /the cache listens to none/,
      /notify-keyspace-events ""/
    ],
    ["waits for the disk", { appendfsync: "always" }, "warning", "persistence", /waits for the disk/, /everysec/]
  ]
  it.effect.each(planted)("%s", ([, changes, severity, check, words, remedy]) =>
    Effect.gen(function* () {
      const env = yield* healthy
      yield* configure(changes)
      found(yield* diagnose(env), severity, check, words, remedy)
    }).pipe(Effect.scoped)
  )

  it.effect("a snapshot failed: it refuses writes", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const redis = yield* Redis
      // A folder in the place of the file.
      const dir = String(yield* redis.send("CONFIG", "GET", "dir")).split(",")[1] ?? ""
      const files = yield* FileSystem.FileSystem
      yield* files.makeDirectory(`${dir}/dump.rdb/full`, { recursive: true })
      yield* redis.send("BGSAVE", "SCHEDULE")
      const status = Effect.map(
        redis.send("INFO", "persistence"),
        (info) => /rdb_last_bgsave_status:(\w+)/.exec(String(info))?.[1]
      )
      const until = { schedule: Schedule.spaced("20 millis"), times: 500 }
      yield* Effect.retry(
        Effect.filterOrFail(status, (is) => is === "err"),
        until
      )
      found(yield* diagnose(env), "error", "persistence", /refuses all writes/, /disk/)
      yield* files.remove(`${dir}/dump.rdb`, { recursive: true })
      yield* redis.send("BGSAVE", "SCHEDULE")
      yield* Effect.retry(
        Effect.filterOrFail(status, (is) => is === "ok"),
        until
      )
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )

  it.effect("the user lacks a command, or the keys of the log", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const redis = yield* Redis
      const rules = Acl.rules({ namespace: "letletme" })
      const user = { ...env, REDIS_USERNAME: "lame", REDIS_PASSWORD: "secret" }
      const setUser = (...more: ReadonlyArray<string>) =>
        redis.send("ACL", "SETUSER", "lame", "reset", "on", ">secret", ...more)
      yield* setUser(...rules, "-xadd", "-evalsha")
      found(yield* diagnose(user), "error", "permissions", /lame lacks \+evalsha \+xadd/, /ACL SETUSER lame \+evalsha/)
      yield* setUser(...rules.filter((rule) => !rule.startsWith("~{")))
      found(yield* diagnose(user), "error", "permissions", /lacks ~\{letletme\}:\*\.$/, /~\{letletme\}:\*/)
      yield* redis.send("ACL", "LOG", "RESET")
    })
  )

  it.effect("a wrong password", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      found(
        yield* diagnose({ ...env, REDIS_USERNAME: "nobody", REDIS_PASSWORD: "not-the-secret" }),
        "error",
        "connection",
        /refuses the user/,
        /REDIS_PASSWORD/
      )
    })
  )

  it.effect("nobody listens there; the server is no cluster", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const { port } = yield* RedisServer
      const nowhere = { ...env, REDIS_URL: "redis://127.0.0.1:1" }
      found(yield* diagnose(nowhere), "error", "connection", /ECONNREFUSED/, /REDIS_URL/)
      const cluster = { ...env, REDIS_CLUSTER: `127.0.0.1:${port}`, REDIS_CONNECT_TIMEOUT: "1 second" }
      found(yield* diagnose(cluster), "error", "connection", /is no cluster/, /REDIS_CLUSTER/)
    })
  )

  it.effect("our clock is ahead", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const clock = yield* Clock.Clock
      const later = () => clock.currentTimeMillisUnsafe() + 60_000
      const laterInNanos = () => BigInt(later()) * 1_000_000n
      const ahead: Clock.Clock = {
        currentTimeMillisUnsafe: later,
        currentTimeMillis: Effect.sync(later),
        currentTimeNanosUnsafe: laterInNanos,
        currentTimeNanos: Effect.sync(laterInNanos),
        monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
        monotonicTimeNanos: clock.monotonicTimeNanos,
        sleep: (length) => clock.sleep(length)
      }
      const diagnosis = yield* Effect.provideService(diagnose(env), Clock.Clock, ahead)
      found(diagnosis, "warning", "clock", /60\.\d s ahead/, /NTP/)
    })
  )

  it.effect("answers come too late", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const { port } = yield* RedisServer
      const proxy = yield* TcpProxy.make(port)
      yield* proxy.become({ _tag: "Slow", latency: 10 })
      const late = { ...env, REDIS_URL: `redis://127.0.0.1:${proxy.port}`, CACHE_STORE_TIMEOUT: "10 millis" }
      found(yield* diagnose(late), "error", "latency", /never asked in time/, /CACHE_STORE_TIMEOUT/)
    }).pipe(Effect.scoped)
  )

  it.effect("the namespace is another program's", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const redis = yield* Redis
      yield* redis.set("letletme:user:17", Buffer.from("a session"))
      found(yield* diagnose(env), "warning", "namespace", /letletme:user:17/, /CACHE_NAMESPACE/)
      yield* redis.remove(["letletme:user:17"])
      yield* redis.set("{letletme}:table", Buffer.from("a list of tables"))
      found(yield* diagnose(env), "error", "namespace", /\{letletme\}:table/, /CACHE_NAMESPACE/)
      yield* redis.remove(["{letletme}:table"])
    })
  )

  it.effect("entries are encrypted, and we have no keys, or others; they are not, and we have some", () =>
    Effect.gen(function* () {
      const env = yield* healthy
      const redis = yield* Redis
      const [first, second] = [key("first"), key("second")]
      yield* fill(first)
      found(
        yield* diagnose(env),
        "error",
        "encryption",
        /with first\), and this process has no keys/,
        /ENCRYPTION_KEYS/
      )
      const other = { ...env, CACHE_ENCRYPTION_KEYS: second }
      found(yield* diagnose(other), "error", "encryption", /first, which is not among/, /Add the key/)
      assert.deepStrictEqual((yield* diagnose({ ...env, CACHE_ENCRYPTION_KEYS: `${second},${first}` })).findings, [])
      yield* redis.send("FLUSHALL")
      yield* fill(undefined)
      found(yield* diagnose(other), "warning", "encryption", /1 of 1 entries are not encrypted/, /rotate/)
      yield* redis.send("FLUSHALL")
    })
  )
})

describe("the command", () => {
  it.live(
    "says what is wrong and what to do, in 80 columns or as JSON; its exit code is 1 where there is an error",
    () =>
      Effect.gen(function* () {
        const text = yield* runHere(["doctor", "--store", "redis://127.0.0.1:1"])
        assert.strictEqual(text.code, ExitCode.failed)
        assert.match(text.stdout, /^error {4}connection: There is no connection: .*\n {7}→ Check that it runs/)
        assert.match(text.stdout, /\n\nwarning {2}database: /)
        assert.match(text.stdout, /\n\n\d+ checks: 1 error, 1 warning\.$/)
        assert.isTrue(text.stdout.split("\n").every((line) => line.length <= 80))
        const json = yield* runHere(["doctor", "--store", "redis://127.0.0.1:1", "--json"])
        const Document = Schema.Struct({
          checks: Schema.Int,
          findings: Schema.Array(
            Schema.Struct({ severity: Schema.String, check: Schema.String, remedy: Schema.String })
          )
        })
        const { findings } = yield* Schema.decodeEffect(Schema.fromJsonString(Document))(json.stdout)
        assert.deepStrictEqual(
          findings.map(({ check, severity }) => [severity, check]),
          [
            ["error", "connection"],
            ["warning", "database"]
          ]
        )
        assert.strictEqual((yield* runHere(["doctor"])).code, ExitCode.done)
        assert.strictEqual((yield* runHere(["doctor", "--store", "nonsense"])).code, ExitCode.usage)
      })
  )
})
