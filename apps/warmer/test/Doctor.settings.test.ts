import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { type Advice, CacheConfig } from "@letletme/cache"
import { RedisConfig } from "@letletme/redis"
import { Effect, FileSystem, Redacted } from "effect"
import { ofSchema } from "@letletme/warmer/doctor/Database"
import * as Settings from "@letletme/warmer/doctor/Settings"
import { judge, secrecy } from "@letletme/warmer/doctor/Wire"
import { diagnose, type Env, folder, found, key } from "./diagnosis.ts"

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
