import { assert, describe, it } from "@effect/vitest"
import { CacheConfig } from "@letletme/cache"
import { ConfigProvider, Effect, Layer } from "effect"

const read = (env: Record<string, string>) => CacheConfig.config.parse(ConfigProvider.fromEnv({ env }))

describe("CacheConfig", () => {
  it.effect("needs nothing to be stated", () =>
    Effect.gen(function* () {
      const settings = yield* CacheConfig.Settings
      const { process, ...rest } = yield* read({})
      assert.deepStrictEqual(rest, {
        namespace: "letletme",
        maxStaleness: 1_000,
        nearEntries: 10_000,
        nearBytes: 67_108_864,
        timeToLive: { metadata: 2_592_000_000, derived: 86_400_000, temporary: 60_000 },
        storeTimeout: 150,
        lookupTimeout: 10_000,
        lease: 3_000,
        maxLookups: 64,
        maxTagsPerEntry: 128,
        maxTags: 100_000,
        compressAbove: 16_384,
        compressionLevel: 1,
        maxKeyBytes: 4_096,
        maxValueBytes: 16_777_216,
        maxBatch: 128,
        logLength: 10_000
      })
      assert.match(process, /^[0-9a-f]{8}$/)
      assert.deepStrictEqual({ ...settings, process }, { ...rest, process })
    })
  )

  it.effect("keeps the defaults of what a layer does not state", () =>
    Effect.gen(function* () {
      const settings = yield* CacheConfig.Settings
      assert.deepStrictEqual([settings.namespace, settings.maxTags, settings.logLength], ["fpl", 5, 10_000])
    }).pipe(Effect.provide(CacheConfig.layer({ namespace: "fpl", maxTags: 5 })))
  )

  const env = {
    CACHE_NAMESPACE: "fpl-2021.22",
    CACHE_PROCESS: "api_1",
    CACHE_MAX_STALENESS: "500 millis",
    CACHE_NEAR_ENTRIES: "1",
    CACHE_NEAR_BYTES: "2048",
    CACHE_TTL_METADATA: "7 days",
    CACHE_TTL_DERIVED: "6 hours",
    CACHE_TTL_TEMPORARY: "5 seconds",
    CACHE_STORE_TIMEOUT: "70 millis",
    CACHE_LOOKUP_TIMEOUT: "3 seconds",
    CACHE_LEASE: "4 seconds",
    CACHE_MAX_LOOKUPS: "8",
    CACHE_MAX_TAGS_PER_ENTRY: "16",
    CACHE_MAX_TAGS: "32",
    CACHE_COMPRESS_ABOVE: "1000",
    CACHE_COMPRESSION_LEVEL: "3",
    CACHE_MAX_KEY_BYTES: "100",
    CACHE_MAX_VALUE_BYTES: "200",
    CACHE_MAX_BATCH: "10",
    CACHE_LOG_LENGTH: "64"
  }

  it.effect("reads every variable", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* CacheConfig.Settings, {
        namespace: "fpl-2021.22",
        process: "api_1",
        maxStaleness: 500,
        nearEntries: 1,
        nearBytes: 2_048,
        timeToLive: { metadata: 604_800_000, derived: 21_600_000, temporary: 5_000 },
        storeTimeout: 70,
        lookupTimeout: 3_000,
        lease: 4_000,
        maxLookups: 8,
        maxTagsPerEntry: 16,
        maxTags: 32,
        compressAbove: 1_000,
        compressionLevel: 3,
        maxKeyBytes: 100,
        maxValueBytes: 200,
        maxBatch: 10,
        logLength: 64
      })
    }).pipe(
      Effect.provide(CacheConfig.layerConfig.pipe(Layer.provide(ConfigProvider.layer(ConfigProvider.fromEnv({ env })))))
    )
  )

  it.effect("takes an empty variable for one that is not set", () =>
    Effect.gen(function* () {
      const settings = yield* read({ ...env, CACHE_NAMESPACE: "", CACHE_MAX_STALENESS: "", CACHE_MAX_TAGS: "" })
      assert.deepStrictEqual(
        [settings.namespace, settings.maxStaleness, settings.maxTags],
        ["letletme", 1_000, 100_000]
      )
    })
  )

  const bad: Readonly<Record<keyof typeof env, ReadonlyArray<string>>> = {
    CACHE_NAMESPACE: ["a b", "{a}", "a:b", "x".repeat(65)],
    CACHE_PROCESS: ["a b"],
    CACHE_MAX_STALENESS: ["soon", "0 millis", "-1 seconds", "Infinity"],
    CACHE_NEAR_ENTRIES: ["0", "-1", "1.5", "many", "Infinity", "NaN"],
    CACHE_NEAR_BYTES: ["0", "64MB"],
    CACHE_TTL_METADATA: ["0 days", "30"],
    CACHE_TTL_DERIVED: ["a day"],
    CACHE_TTL_TEMPORARY: ["-5 seconds"],
    CACHE_STORE_TIMEOUT: ["0 millis", "x"],
    CACHE_LOOKUP_TIMEOUT: ["0 millis", "x", "Infinity"],
    CACHE_LEASE: ["0 millis", "x", "Infinity"],
    CACHE_MAX_LOOKUPS: ["0", "x"],
    CACHE_MAX_TAGS_PER_ENTRY: ["0", "x"],
    CACHE_MAX_TAGS: ["0", "x"],
    CACHE_COMPRESS_ABOVE: ["0", "16 kB"],
    CACHE_COMPRESSION_LEVEL: ["0", "23", "fast"],
    CACHE_MAX_KEY_BYTES: ["0", "x"],
    CACHE_MAX_VALUE_BYTES: ["0", "x"],
    CACHE_MAX_BATCH: ["0", "x"],
    CACHE_LOG_LENGTH: ["0", "x"]
  }
  for (const [name, values] of Object.entries(bad)) {
    for (const value of values) {
      it.effect(`refuses ${name}=${JSON.stringify(value)}, and names it`, () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(read({ ...env, [name]: value }))
          assert.include(error.message, name)
        })
      )
    }
  }
})
