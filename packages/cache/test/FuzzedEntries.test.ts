import { assert, describe, it } from "@effect/vitest"
import {
  CacheManager,
  CacheMetrics,
  CacheStore,
  Codec,
  DependencyGraph,
  DomainCache,
  Entry,
  LiveView,
  Lookup,
  Tag
} from "@letletme/cache"
import { Clock, Context, Effect, Layer, Option, PubSub, Random, Result, Schema } from "effect"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ match: [] })
const Match = Schema.Struct({ id: Schema.String, goals: Schema.Int, kickoff: Schema.String })
const OlderMatch = Schema.Struct({ id: Schema.String, goals: Schema.String })

/** How often the source was asked. */
class Asked extends Context.Service<Asked, Map<string, number>>()("test/Asked") {
  static readonly layer = Layer.sync(this, () => new Map())
}

/** What the source says. Every entry that the tests plant says something else. */
const truth = (id: string): typeof Match.Type => ({ id, goals: 1, kickoff: "2021-08-13" })

class MatchCache extends DomainCache.Service<MatchCache>()("test/FuzzedMatchCache", {
  graph,
  domain: "match",
  id: Schema.String,
  value: Match,
  timeToLive: "metadata",
  staleWhileRevalidate: "invalidated",
  staleIfUnavailable: "invalidated",
  lookup: (id: string) =>
    Asked.useSync((asked) => {
      asked.set(id, (asked.get(id) ?? 0) + 1)
      return Lookup.found(truth(id))
    })
}) {}

const kinds = ["flipped", "truncated", "foreign", "another key's", "older", "no text", "longer", "spliced"] as const

const codec = Codec.make(Match)
const older = Codec.make(OlderMatch)

/** An entry that would be served for as long as its bytes are right. */
const sealed = (id: string, stamp: number, now: number, payload: Result.Result<Uint8Array, string>): Uint8Array => {
  const revision = { time: now + 3_600_000, sequence: 9 }
  const times = { createdAt: now, freshUntil: now + 3_600_000, expiresAt: now + 7_200_000 }
  const header = { ...times, revision, absent: false, announced: false, tags: [Tag.of("match", id)] }
  return Entry.seal(stamp, Entry.body(header, Result.getOrThrow(payload)))
}

const lie = (id: string) => codec.encode({ ...truth(id), goals: 99 })

const foreign = ["", "\n", "{}", "null", '{"id":"1","goals":99}', "LLC2 1 1 00000000 x\n", "LLC1 ", "\0".repeat(64)]

const fuzzed = Effect.fnUntraced(function* (id: string, index: number, stamp: number, now: number) {
  const kind = kinds[index % kinds.length] ?? "flipped"
  const bytes = Buffer.from(sealed(id, stamp, now, lie(id)))
  const at = yield* Random.nextIntBetween(0, bytes.length - 1)
  switch (kind) {
    case "flipped": {
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (yield* Random.nextIntBetween(0, 7)))
      return bytes
    }
    case "truncated":
      return bytes.subarray(0, at)
    case "foreign":
      return Buffer.from(foreign[(index >> 3) % foreign.length] ?? "")
    case "another key's":
      return sealed(`${id}0`, stamp, now, lie(id))
    case "older":
      return sealed(id, stamp, now, older.encode({ id, goals: "99" }))
    case "no text":
      return sealed(id, stamp, now, Result.succeed(Buffer.from([0xff, 0xfe, at])))
    case "longer":
      return Buffer.concat([bytes, bytes.subarray(at)])
    case "spliced":
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)])
  }
})

const newest = { stamp: Number.MAX_SAFE_INTEGER, revision: { time: Number.MAX_SAFE_INTEGER, sequence: 9 } }
const oldest = { stamp: 0, revision: Entry.noRevision }

/** Writes bytes under the store key of an id. A store in memory believes the claims, Redis what the bytes say. */
const plant = Effect.fnUntraced(function* (id: string, bytes: Uint8Array, claims = newest) {
  const store = yield* CacheStore
  const key = `letletme:match:${id}@${codec.fingerprint}`
  yield* store.fill([{ ...claims, key, bytes, timeToLive: 600_000, overwrite: true }])
})

const storedValue = Effect.fnUntraced(function* (id: string) {
  const matches = yield* MatchCache
  const store = yield* CacheStore
  const [bytes] = yield* store.getMany([(yield* matches.explain(id)).storeKey])
  return Result.match(Entry.unseal(matches.key(id), bytes ?? new Uint8Array(0)), {
    onFailure: (detail) => detail,
    onSuccess: ({ payload }) => Result.getOrElse(codec.decode(payload), (detail) => detail)
  })
})

const plantAll = Effect.fnUntraced(function* (count: number, claims: typeof newest) {
  const { view } = yield* LiveView
  const now = yield* Clock.currentTimeMillis
  const ids = Array.from({ length: count }, (_, index) => `${index}`)
  for (const [index, id] of ids.entries()) yield* plant(id, yield* fuzzed(id, index, view.position, now), claims)
  return ids
}, Random.withSeed("fuzzed entries"))

for (const [name, tier] of Object.entries(tiers)) {
  const app = MatchCache.layer.pipe(Layer.provideMerge(tier()), Layer.provideMerge(Asked.layer))

  describe(`Fuzzed entries in ${name}`, () => {
    it.live("an entry whose bytes are right is served: what the others are compared to", () =>
      Effect.gen(function* () {
        const matches = yield* MatchCache
        const { view } = yield* LiveView
        yield* plant("1", sealed("1", view.position, yield* Clock.currentTimeMillis, lie("1")))
        assert.strictEqual((yield* matches.explain("1")).storeKey, `letletme:match:1@${codec.fingerprint}`)
        assert.strictEqual((yield* matches.get("1")).goals, 99)
        assert.strictEqual((yield* Asked).size, 0)
      }).pipe(Effect.provide(app))
    )

    it.live("1,000 of them are each read as the source's value, told once and overwritten", () =>
      Effect.gen(function* () {
        const manager = yield* CacheManager
        const matches = yield* MatchCache
        const asked = yield* Asked
        const ids = yield* plantAll(1_000, newest)
        const events = yield* manager.events

        const alone = yield* Effect.forEach(ids.slice(0, 500), (id) => matches.get(id), { concurrency: 32 })
        const together: Array<Option.Option<typeof Match.Type>> = []
        for (let from = 500; from < 1_000; from += 50) {
          together.push(...(yield* matches.getMany(ids.slice(from, from + 50))))
        }
        assert.deepStrictEqual([...alone, ...together.map(Option.getOrUndefined)], ids.map(truth))
        assert.deepStrictEqual(
          [...asked.values()],
          ids.map(() => 1)
        )

        const told = (yield* PubSub.takeAll(events)).flatMap((event) => (event._tag === "Corrupt" ? [event] : []))
        assert.deepStrictEqual(told.map(({ key }) => key).toSorted(), ids.map(matches.key).toSorted())
        for (const { detail } of told) assert.isNotEmpty(detail)
        const { domains } = yield* CacheMetrics.use(({ counts }) => counts)
        assert.deepStrictEqual([domains["match"]?.corrupt, domains["match"]?.refused], [1_000, 0])

        const overwritten = yield* Effect.forEach(ids, storedValue, { concurrency: 32 })
        assert.deepStrictEqual(overwritten, ids.map(truth))
        yield* Effect.forEach(ids, (id) => matches.get(id, { skip: "near" }), { concurrency: 32 })
        assert.strictEqual(
          [...asked.values()].reduce((sum, times) => sum + times, 0),
          1_000
        )
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("each is explained as corrupt, and a peek does not bring it out", () =>
      Effect.gen(function* () {
        const matches = yield* MatchCache
        const ids = yield* plantAll(1_000, newest)
        const explained = yield* Effect.forEach(ids, matches.explain, { concurrency: 32 })
        for (const { because, entry, state, tier: at } of explained) {
          assert.deepStrictEqual([state, at, entry], ["corrupt", "none", undefined])
          assert.include(because, "not a readable entry")
        }
        const peeked = yield* Effect.forEach(ids, (id) => matches.peek(id), { concurrency: 32 })
        assert.isTrue(peeked.every(Option.isNone))
        assert.strictEqual((yield* Asked).size, 0)
      }).pipe(Effect.provide(app))
    )

    it.live("an update goes over what cannot be read", () =>
      Effect.gen(function* () {
        const matches = yield* MatchCache
        const ids = yield* plantAll(64, oldest)
        for (const id of ids) {
          const written = yield* matches.update(id, { ...truth(id), goals: 2 })
          assert.strictEqual(written._tag, "Updated")
        }
        const read = yield* Effect.forEach(ids, (id) => matches.get(id, { skip: "near" }))
        assert.deepStrictEqual(
          read.map(({ goals }) => goals),
          ids.map(() => 2)
        )
      }).pipe(Effect.provide(app))
    )
  })
}
