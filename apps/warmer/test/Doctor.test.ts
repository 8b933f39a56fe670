import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it, layer } from "@effect/vitest"
import {
  Acl,
  type Advice,
  CacheConfig,
  CacheManager,
  Cipher,
  DependencyGraph,
  DomainCache,
  Lookup
} from "@letletme/cache"
import { ExitCode } from "@letletme/command"
import { Redis, RedisConfig } from "@letletme/redis"
import { Certificates, freePort, RedisServer, TcpProxy } from "@letletme/testing"
import { Clock, ConfigProvider, Context, Effect, FileSystem, Layer, Option, Redacted, Schedule, Schema } from "effect"
import { randomBytes } from "node:crypto"
import { runHere } from "./inProcess.ts"
import { ofSchema } from "@letletme/warmer/doctor/Database"
import { type Diagnosis, examine } from "@letletme/warmer/doctor/Doctor"
import * as Settings from "@letletme/warmer/doctor/Settings"
import { judge, secrecy } from "@letletme/warmer/doctor/Wire"

type Env = Readonly<Record<string, string>>

/** What the doctor says with these variables and no others. */
const diagnose = (env: Env): Effect.Effect<Diagnosis> =>
  examine({ store: Option.none(), database: Option.none() }).pipe(
    Effect.orDie,
    Effect.provide([NodeFileSystem.layer, ConfigProvider.layer(ConfigProvider.fromEnv({ env: { ...env } }))])
  )

const folder = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  return yield* files.makeTempDirectoryScoped()
}).pipe(Effect.provide(NodeFileSystem.layer))

/** What a planted misconfiguration is found by: each finding says what to do. */
const found = (
  { findings, skipped }: Diagnosis,
  severity: Advice.Finding["severity"],
  check: string,
  words: RegExp,
  remedy: RegExp
) => {
  const listed = JSON.stringify({ findings, skipped }, null, 2)
  const finding = findings.find((one) => one.check === check && words.test(one.found))
  assert.isDefined(finding, `Nothing of ${check} in ${listed}`)
  assert.strictEqual(finding?.severity, severity)
  assert.match(finding?.remedy ?? "", remedy)
  assert.strictEqual(findings.length, 1, listed)
}

// What a server is run with that does its work well; `rewrite` of a test's own change is undone after it.
const sound = ["--appendonly", "yes", "--maxmemory", "64mb", "--maxmemory-policy", "volatile-lru"]

const soundServer = RedisServer.layerWith({ args: sound })
const connected = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(soundServer)
)

// A machine that is busy with other tests is no finding.
const patient = { CACHE_STORE_TIMEOUT: "1 second" }

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

const key = (id: string) => `${id}:${randomBytes(32).toString("base64")}`

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

/** A server of its own, for the life of the scope. */
const start = (args: ReadonlyArray<string>) =>
  Effect.map(Layer.build(Layer.fresh(RedisServer.layerWith({ args }))), (context) => Context.get(context, RedisServer))

const connectTo = (port: number) =>
  Effect.map(Layer.build(Layer.fresh(Redis.layer({ port }))), (context) => Context.get(context, Redis))

const often = { schedule: Schedule.spaced("20 millis"), times: 500 }

describe("servers that are not what they are taken for", () => {
  it.live("a replica; one that is behind; none where reads go to one", () =>
    Effect.gen(function* () {
      const primary = yield* start([...sound, "--repl-diskless-sync-delay", "0"])
      const database = { ...patient, DATABASE_URL: `${yield* folder}/database` }
      const env = { ...database, REDIS_URL: primary.url }
      const toReplicas = { ...env, REDIS_READ_FROM: "replica" }
      found(yield* diagnose(toReplicas), "warning", "replicas", /has none/, /REDIS_READ_FROM=primary/)

      const replica = yield* start([...sound, "--replicaof", "127.0.0.1", `${primary.port}`])
      const redis = yield* connectTo(primary.port)
      const isOnline = Effect.map(redis.send("INFO", "replication"), (info) => String(info).includes("state=online"))
      yield* Effect.retry(
        Effect.filterOrFail(isOnline, (online) => online),
        often
      )
      found(yield* diagnose(toReplicas), "warning", "replicas", /without its replicas/, /min-replicas-to-write 1/)
      yield* redis.send("CONFIG", "SET", "min-replicas-to-write", "1")
      assert.deepStrictEqual((yield* diagnose(toReplicas)).findings, [])
      const wrong = { ...database, REDIS_URL: replica.url }
      const words = new RegExp(`is a replica of 127.0.0.1:${primary.port}`)
      found(yield* diagnose(wrong), "error", "role", words, /the primary/)

      yield* replica.pause
      yield* redis.set("letletme:note:1@12345678", randomBytes(2 * 1024 * 1024))
      const late = yield* diagnose(env)
      yield* replica.resume
      found(late, "warning", "replicas", /is behind: online, \d{7} bytes/, /network/)
    }).pipe(Effect.scoped)
  )

  it.live("a node of a cluster, and a cluster that lacks slots", () =>
    Effect.gen(function* () {
      const node = yield* start([
        ...sound,
        "--cluster-enabled",
        "yes",
        "--cluster-require-full-coverage",
        "no",
        "--cluster-announce-ip",
        "127.0.0.1",
        "--cluster-port",
        `${yield* freePort}`
      ])
      const redis = yield* connectTo(node.port)
      yield* redis.send("CLUSTER", "ADDSLOTSRANGE", 0, 16_000)
      const isUp = Effect.map(redis.send("CLUSTER", "INFO"), (info) => String(info).includes("cluster_state:ok"))
      yield* Effect.retry(
        Effect.filterOrFail(isUp, (up) => up),
        often
      )
      const database = { ...patient, DATABASE_URL: `${yield* folder}/database` }
      // The keys that are tried lie in slots that are served.
      const env = { ...database, CACHE_NAMESPACE: "served" }
      const alone = yield* diagnose({ ...env, REDIS_URL: node.url })
      found(alone, "error", "role", /a node of a cluster/, /Set REDIS_CLUSTER/)
      const cluster = yield* diagnose({ ...env, REDIS_CLUSTER: `127.0.0.1:${node.port}` })
      found(cluster, "error", "cluster", /383 of its 16384 slots are not served/, /--cluster fix/)
      yield* redis.send("CLUSTER", "ADDSLOTSRANGE", 16_001, 16_383)
      assert.deepStrictEqual((yield* diagnose({ ...env, REDIS_CLUSTER: `127.0.0.1:${node.port}` })).findings, [])
    }).pipe(Effect.scoped)
  )

  it.live("a certificate that is about to expire, is not verified, or cannot be", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.authority
      const { certFile, keyFile } = yield* authority.issue("server", "localhost", 1)
      const lasting = yield* authority.issue("lasting", "localhost", 100)
      const port = yield* freePort
      const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", authority.caFile]
      const server = yield* start([...sound, "--tls-port", `${port}`, "--tls-auth-clients", "no", ...files])
      const database = { ...patient, DATABASE_URL: `${yield* folder}/database` }
      const env = { ...database, REDIS_URL: `rediss://localhost:${port}`, REDIS_TLS_CA: authority.ca }
      found(yield* diagnose(env), "warning", "TLS", /expires in 0 days/, /tls-cert-file/)
      const { REDIS_TLS_CA: _, ...unknown } = env
      found(yield* diagnose(unknown), "error", "connection", /TLS is refused/, /REDIS_TLS_CA/)
      const redis = yield* connectTo(server.port)
      yield* redis.send("CONFIG", "SET", "tls-cert-file", lasting.certFile, "tls-key-file", lasting.keyFile)
      assert.deepStrictEqual((yield* diagnose(env)).findings, [])
      const blind = { ...env, REDIS_TLS_REJECT_UNAUTHORIZED: "false" }
      found(yield* diagnose(blind), "error", "TLS", /whoever is on the way/, /REDIS_TLS_CA/)
    }).pipe(Effect.scoped)
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

describe("settings that do not go together", () => {
  const cases: ReadonlyArray<readonly [env: Env, Advice.Finding["severity"], string, RegExp, RegExp]> = [
    [{ CACHE_NAMSPACE: "fpl" }, "warning", "variables", /CACHE_NAMSPACE is set, and nobody reads it/, /spelling/],
    [{ CACHE_LEASE: "soon" }, "error", "variables", /CACHE_LEASE is wrong/, /Correct CACHE_LEASE/],
    [{ REDIS_PORT: "tcp://10.0.0.1:6379" }, "error", "variables", /REDIS_PORT is wrong/, /Correct REDIS_PORT/],
    [{ CACHE_LEASE: "20 seconds" }, "warning", "time-outs", /longer than CACHE_LOOKUP_TIMEOUT/, /below/],
    [{ CACHE_TTL_TEMPORARY: "2 days" }, "warning", "times to live", /not in this order/, /CACHE_TTL_DERIVED/],
    [{ CACHE_LOG_LENGTH: "10" }, "warning", "log", /keeps 10 entries/, /CACHE_LOG_LENGTH/],
    [{ CACHE_NEAR_BYTES: "99999999999" }, "warning", "near cache", /a quarter/, /max-old-space-size/],
    [{ CACHE_ENCRYPTION_KEYS: "k1:short" }, "error", "encryption keys", /key 1 is not of that form/, /base64/],
    [{ CACHE_ENCRYPTION_KEYS_FILE: "/no/such/file" }, "error", "encryption keys", /cannot be read/, /Mount/],
    [{ DATABASE_URL: `${import.meta.filename}/database` }, "error", "database", /may write/, /DATABASE_URL/],
    [
      { DATABASE_URL: "postgres://fpl:not-the-secret@127.0.0.1:1/fpl" },
      "error",
      "database",
      /does not answer/,
      /DATABASE_URL/
    ]
  ]
  it.live.each(cases)("%j", ([env, severity, check, words, remedy]) =>
    Effect.gen(function* () {
      const diagnosis = yield* diagnose(env)
      found(diagnosis, severity, check, words, remedy)
      assert.notInclude(JSON.stringify(diagnosis), "not-the-secret")
    })
  )

  it.live("variables that Kubernetes sets are not taken for misspelt ones", () =>
    Effect.gen(function* () {
      const env = { REDIS_SERVICE_HOST: "10.0.0.1", REDIS_SERVICE_PORT: "6379", REDIS_PORT_6379_TCP: "tcp://10.0.0.1" }
      assert.deepStrictEqual((yield* diagnose(env)).findings, [])
    })
  )

  it.live("keys that others may read, and keys that are stated twice", () =>
    Effect.gen(function* () {
      const files = yield* FileSystem.FileSystem
      const path = `${yield* folder}/keys`
      yield* files.writeFileString(path, key("k1"))
      yield* files.chmod(path, 0o644)
      const stated = { CACHE_ENCRYPTION_KEYS_FILE: path }
      found(yield* diagnose(stated), "warning", "encryption keys", /mode 644/, /chmod 600/)
      yield* files.chmod(path, 0o600)
      assert.deepStrictEqual((yield* diagnose(stated)).findings, [])
      const twice = { ...stated, CACHE_ENCRYPTION_KEYS: key("k2") }
      found(yield* diagnose(twice), "warning", "encryption keys", /both set/, /Take one/)
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )

  it.effect("a database with a newer schema, or an older one", () =>
    Effect.sync(() => {
      const judged = (applied: number) => ofSchema("Postgres", { applied, known: 2 }).map(({ severity }) => severity)
      assert.deepStrictEqual([0, 1, 2, 3].map(judged), [[], ["warning"], [], ["error"]])
    })
  )

  it.effect("a latency that time-outs do not allow for, and clocks that differ", () =>
    Effect.gen(function* () {
      const settings = yield* CacheConfig.Settings
      const judged = (took: number, changes: Partial<CacheConfig.Settings> = {}, skew = 0) =>
        judge("Redis", { took, skew }, { ...settings, ...changes }).map(
          ({ found: words, severity }) =>
            `${severity}: ${/quarter|in time|ever be trusted|ahead|behind/.exec(words)?.[0] ?? words}`
        )
      assert.deepStrictEqual(judged(30), [])
      assert.deepStrictEqual(judged(50), ["warning: quarter"])
      assert.deepStrictEqual(judged(150), ["error: in time"])
      assert.deepStrictEqual(judged(30, { maxStaleness: 50 }), ["error: ever be trusted"])
      assert.deepStrictEqual(judged(1, {}, 3_000), ["warning: ahead"])
      assert.deepStrictEqual(judged(1, {}, -3_000), ["warning: behind"])
    })
  )

  it.effect("time-outs of the cache and of the client; a password without TLS", () =>
    Effect.gen(function* () {
      const settings = yield* CacheConfig.Settings
      const config = RedisConfig.make({ host: "redis.internal", password: Redacted.make("not-the-secret") })
      assert.deepStrictEqual(Settings.together(settings, config), [])
      const hasty = Settings.together({ ...settings, storeTimeout: 2_000, lease: 500 }, config)
      assert.deepStrictEqual(
        hasty.map(({ severity, remedy }) => [severity, /CACHE_\w+ (?:below|above)/.exec(remedy)?.[0]]),
        [
          ["warning", "CACHE_STORE_TIMEOUT below"],
          ["warning", "CACHE_LEASE above"]
        ]
      )
      const [finding, ...others] = secrecy(config)
      assert.deepStrictEqual(others, [])
      assert.match(finding?.found ?? "", /redis\.internal in plain text/)
      assert.deepStrictEqual(secrecy(RedisConfig.make({ password: config.password })), [])
      assert.deepStrictEqual(secrecy({ ...config, tls: { rejectUnauthorized: true } }), [])
    })
  )
})
