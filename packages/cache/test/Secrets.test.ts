import { assert, describe, it } from "@effect/vitest"
import { CacheManager, Cipher, DependencyGraph, DomainCache, KeyRing, Lookup } from "@letletme/cache"
import { RedisConfig } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Cause, Effect, Layer, Logger, Redacted, References, Schema, Tracer } from "effect"
import { randomBytes } from "node:crypto"
import { inspect } from "node:util"
import { as, redis, secret } from "./tiers.ts"

class Notes extends DomainCache.Service<Notes>()("test/SecretNotes", {
  graph: DependencyGraph.make({ note: [] }),
  domain: "note",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: (id: string) => Effect.succeed(Lookup.found(id))
}) {}

const key = randomBytes(32)
const secrets = [secret, key.toString("base64"), key.toString("hex"), inspect(key).slice(8, 30)]
const shows = (texts: ReadonlyArray<string>) => secrets.filter((one) => texts.some((text) => text.includes(one)))
const keys: KeyRing.Keys = [{ id: "k1", secret: Redacted.make(key) }]

const cache = Notes.layer.pipe(
  Layer.provideMerge(CacheManager.layerRedis),
  Layer.provideMerge(Cipher.Cipher.layer()),
  Layer.provideMerge(KeyRing.KeyRing.layerOf(keys)),
  Layer.provide(as("letletme"))
)

describe("secrets are shown by nothing", () => {
  it.live("not by spans, logs and errors of a cache whose server dies", () => {
    const texts: Array<string> = []
    const tracer = Tracer.make({
      span: (options) => {
        const span = new Tracer.NativeSpan(options)
        spans.push(span)
        return span
      }
    })
    const spans: Array<Tracer.NativeSpan> = []
    const logger = Logger.make((entry) => {
      texts.push(inspect(entry.message, { depth: 9 }), Cause.pretty(entry.cause))
    })
    return Effect.gen(function* () {
      const server = yield* RedisServer
      const notes = yield* Notes
      const manager = yield* CacheManager
      yield* notes.get("1")
      yield* notes.update("1", "one")
      yield* server.kill
      const failed = yield* Effect.flip(manager.invalidate({ primary: notes.key("1") }))
      yield* Effect.logError("It failed", failed)
      texts.push(failed.message, inspect(failed, { depth: 9 }), JSON.stringify(failed))
      for (const { attributes, events, name } of spans) {
        texts.push(inspect({ name, attributes: [...attributes], events }, { depth: 9 }))
      }
      assert.isAbove(spans.length, 0)
      assert.isAbove(texts.length, 4)
      assert.deepStrictEqual(shows(texts), [])
    }).pipe(
      Effect.provide(cache.pipe(Layer.provideMerge(redis))),
      Effect.withTracer(tracer),
      Effect.provide(Logger.layer([logger])),
      Effect.provideService(References.MinimumLogLevel, "All")
    )
  })

  it.live("not by configurations, key rings and ciphers that somebody prints", () =>
    Effect.gen(function* () {
      const config = RedisConfig.make({ password: Redacted.make(secret) })
      const cipher = yield* Cipher.Cipher
      const ring = yield* KeyRing.KeyRing
      for (const one of [config, cipher, ring, keys, yield* ring.keys]) {
        assert.deepStrictEqual(shows([inspect(one, { depth: 9 }), JSON.stringify(one)]), [])
      }
    }).pipe(Effect.provide(Cipher.Cipher.layer().pipe(Layer.provideMerge(KeyRing.KeyRing.layerOf(keys)))))
  )
})
