/**
 * Effect's `KeyValueStore` over a cache: shared by its processes, and invalidated with everything else.
 */
import { Duration, Effect, Layer, Option, Schema, Stream } from "effect"
import { KeyValueStore } from "effect/persistence"
import { Base64 } from "effect/encoding"
import * as CacheConfig from "./CacheConfig.ts"
import { CacheManager } from "./CacheManager.ts"
import { CacheStore } from "./CacheStore.ts"
import * as DependencyGraph from "./DependencyGraph.ts"
import type { ReadOptions } from "./Domain.ts"
import { prefix } from "./internal/namespace.ts"
import * as segment from "./internal/segment.ts"
import * as Lookup from "./Lookup.ts"
import * as Tag from "./Tag.ts"

/**
 * How values are kept.
 *
 * @experimental
 */
export interface Options {
  /** The first segment of the keys. Two stores of one name share their values. Default: `"kv"`. */
  readonly domain?: string | undefined
  /** How long a value lives. Default: 365 days. */
  readonly timeToLive?: Duration.Input | undefined
  /** `"strong"` asks the log before each read: no acknowledged write of any process is missed. */
  readonly consistency?: ReadOptions["consistency"]
}

const Stored = Schema.Union([
  Schema.TaggedStruct("Text", { value: Schema.String }),
  Schema.TaggedStruct("Bytes", { value: Schema.Uint8ArrayFromBase64 })
])

/**
 * The tag that invalidates a key, or, without one, every key.
 *
 * @experimental
 */
export const tagOf = (key?: string, domain = "kv"): Tag.Tag =>
  key === undefined ? Tag.any(domain) : Tag.of(domain, segment.of(key))

const failed = (method: string, key?: string) => (cause: { readonly message: string }) =>
  new KeyValueStore.KeyValueStoreError({ method, message: cause.message, cause, ...(key === undefined ? {} : { key }) })

/**
 * A `KeyValueStore` whose writes every process hears of. It is a cache all the same: a value may be evicted, or run out, so
 * keep here what can be made again. A write is an append to the log: it suits what is read far more often than written.
 * Removing deletes no bytes: it makes them invalid.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { KeyValueStore } from "effect/persistence"
 * import { CacheManager } from "@letletme/cache"
 * import * as CacheKeyValueStore from "@letletme/cache/CacheKeyValueStore"
 *
 * const program = Effect.gen(function* () {
 *   const store = yield* KeyValueStore.KeyValueStore
 *   yield* store.set("greeting", "hello")
 *   return yield* store.get("greeting")
 * }).pipe(Effect.provide(CacheKeyValueStore.layer().pipe(Layer.provide(CacheManager.layerMemory))))
 * ```
 */
export const layer = (
  options: Options = {}
): Layer.Layer<KeyValueStore.KeyValueStore, never, CacheManager | CacheStore> =>
  Layer.effect(
    KeyValueStore.KeyValueStore,
    Effect.gen(function* () {
      const { consistency, domain = "kv", timeToLive = Duration.days(365) } = options
      const manager = yield* CacheManager
      const store = yield* CacheStore
      const { namespace } = yield* CacheConfig.Settings
      const reading: ReadOptions = consistency === undefined ? {} : { consistency }
      const values = yield* manager.open({
        graph: DependencyGraph.make({ [domain]: [] }),
        domain,
        id: Schema.String,
        value: Stored,
        timeToLive,
        grace: 0,
        jitter: 0,
        staleWhileRevalidate: "none",
        staleIfUnavailable: "none",
        // There is no source: who checks the values learns nothing.
        lookup: () => Effect.succeed(Lookup.notModified)
      })

      const read = (method: string, key: string) =>
        values
          .peek(segment.of(key), reading)
          .pipe(Effect.map(Option.getOrUndefined), Effect.mapError(failed(method, key)))

      const start = `${prefix(namespace)}${domain}:`
      const keysOf = (names: ReadonlyArray<string>) =>
        names.flatMap((name) => {
          const end = name.lastIndexOf("@")
          return end === -1 ? [] : [segment.text(name.slice(start.length, end))]
        })
      const keys = store.scan(start).pipe(
        Stream.map(keysOf),
        Stream.runFold(
          () => new Set<string>(),
          (all, some) => all.union(new Set(some))
        ),
        Effect.flatMap((found) =>
          Effect.filter([...found], (key) => Effect.map(values.peek(segment.of(key), reading), Option.isSome), {
            concurrency: 64
          })
        ),
        Effect.mapError(failed("keys"))
      )

      const drop = (method: string, some: ReadonlyArray<string>) =>
        some.length === 0
          ? Effect.void
          : values
              .invalidate(some.map(segment.of), { cascade: false, cause: method })
              .pipe(Effect.mapError(failed(method)), Effect.asVoid)

      return KeyValueStore.make({
        get: (key) =>
          Effect.map(read("get", key), (stored) =>
            stored?._tag === "Bytes" ? Base64.encode(stored.value) : stored?.value
          ),
        getUint8Array: (key) =>
          Effect.map(read("getUint8Array", key), (stored) =>
            stored?._tag === "Text" ? new TextEncoder().encode(stored.value) : stored?.value
          ),
        set: (key, value) =>
          values
            .update(segment.of(key), typeof value === "string" ? { _tag: "Text", value } : { _tag: "Bytes", value })
            .pipe(Effect.mapError(failed("set", key)), Effect.asVoid),
        remove: (key) => drop("remove", [key]),
        clear: manager
          .invalidate({ primary: tagOf(undefined, domain) }, { cause: "clear" })
          .pipe(Effect.mapError(failed("clear")), Effect.asVoid),
        clearPrefix: (beginning) =>
          Effect.flatMap(keys, (all) =>
            drop(
              "clearPrefix",
              all.filter((key) => key.startsWith(beginning))
            )
          ),
        keys,
        size: Effect.map(keys, ({ length }) => length)
      })
    })
  )
