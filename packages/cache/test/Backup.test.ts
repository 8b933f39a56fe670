import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import {
  Backup,
  BackupError,
  CacheManager,
  CacheStore,
  DependencyGraph,
  DomainCache,
  Integrity,
  Lookup,
  Tag,
  Warmer,
  WarmStage
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, FileSystem, Layer, Option, Random, Schema, Stream } from "effect"
import { TestClock } from "effect/testing"
import { tiers } from "./tiers.ts"

const graph = DependencyGraph.make({ match: [] })

class Source extends Context.Service<Source, { scores: Map<number, number>; queries: number; fails: boolean }>()(
  "test/Source"
) {
  static readonly layer = Layer.sync(this, () => Source.of({ scores: new Map(), queries: 0, fails: false }))
}

// A load goes on without a store that is slow, as one is beside other tests: here each is to be stored.
const patient = { storeTimeout: 10_000 }

const padding = "x".repeat(1_500)

class Matches extends DomainCache.Service<Matches>()("test/Matches", {
  graph,
  domain: "match",
  id: Schema.FiniteFromString,
  value: Schema.Struct({ score: Schema.Int, padding: Schema.String }),
  timeToLive: "1 hour",
  lookupMany: (questions) =>
    Effect.gen(function* () {
      const source = yield* Source
      source.queries++
      if (source.fails) return yield* Effect.fail("the source is away")
      return questions.map(({ id }) =>
        Lookup.fromOption(Option.map(Option.fromUndefinedOr(source.scores.get(id)), (score) => ({ score, padding })))
      )
    })
}) {}

const stages = Effect.gen(function* () {
  const source = yield* Source
  const ids = Effect.sync(() => [...source.scores.keys()])
  return [WarmStage.stage({ name: "matches", domain: "match", kind: "primary", cache: yield* Matches, ids })]
})

const over = <A, E, R>(tier: Layer.Layer<A, E, R>) =>
  Backup.layer.pipe(
    Layer.provideMerge(Layer.merge(Warmer.layer(graph, stages), Integrity.layer(graph, stages))),
    Layer.provideMerge(Matches.layer),
    Layer.provideMerge(tier),
    Layer.provideMerge(Source.layer),
    Layer.provideMerge(NodeFileSystem.layer)
  )

const warmed = Effect.fnUntraced(function* (size: number) {
  const source = yield* Source
  for (let id = 1; id <= size; id++) source.scores.set(id, id)
  yield* Warmer.use(({ warm }) => warm)
  source.queries = 0
  return source
})

/** Loses everything: on a server the log, too. */
const wipe = Effect.gen(function* () {
  const store = yield* CacheStore
  yield* store.remove((yield* Stream.runCollect(store.scan("letletme:"))).flat())
  const redis = yield* Effect.serviceOption(Redis)
  if (Option.isSome(redis)) yield* redis.value.pipeline([["FLUSHALL"]])
})

const fileIn = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  return `${yield* files.makeTempDirectoryScoped()}/cache.backup`
})

const peeked = Effect.fnUntraced(function* (ids: ReadonlyArray<number>) {
  const matches = yield* Matches
  const found = yield* Effect.forEach(ids, (id) => matches.peek(id, { skip: "near", consistency: "strong" }))
  return found.map((one) => Option.getOrUndefined(one)?.score)
})

const reasonOf = <A, E>(effect: Effect.Effect<A, E>) =>
  Effect.map(Effect.flip(effect), (error) => (error instanceof BackupError ? error.reason._tag : String(error)))

/** The frames of a file, the first with the line before it. */
const framesOf = (bytes: Uint8Array): ReadonlyArray<Buffer> => {
  const data = Buffer.from(bytes)
  const frames: Array<Buffer> = []
  for (let from = 0, at = 12; at < data.length; from = at) {
    at += 4 + data.readUInt32BE(at)
    frames.push(data.subarray(from, at))
  }
  return frames
}

for (const [name, tier] of Object.entries(tiers)) {
  const app = over(tier(patient))

  describe(`Backup over ${name}`, () => {
    it.live("what is backed up, lost and restored is verified, and clean", () =>
      Effect.gen(function* () {
        const backup = yield* Backup
        const files = yield* FileSystem.FileSystem
        const integrity = yield* Integrity
        const source = yield* warmed(2_000)
        const file = yield* fileIn
        const written = yield* backup.write(file)
        assert.deepStrictEqual([written.entries, written.skipped], [2_000, 0])
        assert.strictEqual(Number((yield* files.stat(file)).size), written.bytes)
        // Compressed: two thousand times fifteen hundred letters.
        assert.isBelow(written.bytes, 1_000_000)
        yield* wipe
        assert.deepStrictEqual(yield* peeked([1]), [undefined])
        source.queries = 0
        const restored = yield* backup.restore(file)
        assert.deepStrictEqual(
          [restored.entries, restored.restored, restored.held, restored.expired],
          [2_000, 2_000, 0, 0]
        )
        assert.strictEqual(restored.repair.first.domains[0]?.found.restamped, 2_000)
        assert.isTrue(restored.repair.second.isClean)
        // One lookup for each batch in each pass, and none beside.
        assert.strictEqual(source.queries, 2 * 10)
        assert.isTrue((yield* integrity.verify).isClean)
        assert.deepStrictEqual(yield* peeked([1, 2_000]), [1, 2_000])
        assert.deepStrictEqual(yield* files.readDirectory(file.replace(/\/[^/]*$/, "")), ["cache.backup"])
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("nothing that was invalidated since comes back as fresh, whatever became of the log", () =>
      Effect.gen(function* () {
        const backup = yield* Backup
        const matches = yield* Matches
        const store = yield* CacheStore
        const source = yield* warmed(20)
        const file = yield* fileIn
        yield* backup.write(file)
        source.scores.set(1, 100).delete(2)
        yield* matches.invalidate([1, 2])
        const lose = [Effect.void, Effect.flatMap(matches.explain(1), ({ storeKey }) => store.remove([storeKey])), wipe]
        for (const loss of lose) {
          yield* loss
          source.fails = true
          const { repair } = yield* backup.restore(file)
          assert.isFalse(repair.second.isClean)
          // What the source does not confirm is nobody's fresh value.
          const found = yield* peeked([1, 2])
          assert.deepStrictEqual(found, [undefined, undefined])
          source.fails = false
        }
        // The breaker of a source that failed so often opens for a moment.
        const again = yield* Effect.repeat(
          Integrity.use(({ repair }) => repair),
          {
            until: ({ second }) => second.isClean,
            times: 200
          }
        )
        assert.isTrue(again.second.isClean)
        assert.deepStrictEqual(yield* peeked([1, 2, 3]), [100, undefined, 3])
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("the store keeps what is newer", () =>
      Effect.gen(function* () {
        const backup = yield* Backup
        const matches = yield* Matches
        const source = yield* warmed(20)
        const file = yield* fileIn
        yield* backup.write(file)
        source.scores.set(1, 100)
        yield* matches.update(1, { score: 100, padding })
        source.queries = 0
        const { held, repair, restored } = yield* backup.restore(file)
        // In memory only what was updated has a stamp above 0.
        assert.deepStrictEqual([restored, held], name === "memory" ? [19, 1] : [0, 20])
        assert.isTrue(repair.second.isClean)
        assert.deepStrictEqual(yield* peeked([1, 2]), [100, 2])
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("another cache that never knew of it has nothing fresh from it either", () =>
      Effect.gen(function* () {
        // This one's log is the older: its floor is below the stamps that the other one gives out.
        const { restore } = yield* Backup
        const source = yield* Source
        const file = yield* fileIn
        yield* Effect.gen(function* () {
          yield* CacheManager.use(({ invalidate }) => invalidate({ primary: Tag.of("elsewhere") }))
          yield* warmed(20)
          const { write } = yield* Backup
          yield* write(file)
        }).pipe(Effect.provide(Layer.fresh(app)))
        for (let id = 1; id <= 20; id++) source.scores.set(id, -id)
        source.fails = true
        const { restored } = yield* restore(file)
        assert.strictEqual(restored, 20)
        assert.deepStrictEqual(yield* peeked([1, 20]), [undefined, undefined])
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("a file that is cut off, altered, or none of ours is refused, and nothing is restored from it", () =>
      Effect.gen(function* () {
        const backup = yield* Backup
        const files = yield* FileSystem.FileSystem
        const store = yield* CacheStore
        yield* warmed(1_000)
        const file = yield* fileIn
        yield* backup.write(file)
        const bytes = yield* files.readFile(file)
        yield* wipe
        const tried = Effect.fnUntraced(function* (altered: Uint8Array) {
          yield* files.writeFile(file, altered)
          return yield* reasonOf(backup.restore(file))
        })
        for (const length of [0, 5, 15, 200, bytes.length - 100, bytes.length - 1]) {
          assert.strictEqual(yield* tried(bytes.subarray(0, length)), "Damaged", `cut off at ${length}`)
        }
        for (let count = 0; count < 30; count++) {
          const at = yield* Random.nextIntBetween(0, bytes.length - 1)
          const altered = Uint8Array.from(bytes, (byte, index) => (index === at ? byte ^ 0x20 : byte))
          assert.include(["Damaged", "OtherVersion"], yield* tried(altered), `altered at ${at}`)
        }
        assert.strictEqual(yield* tried(Buffer.concat([bytes, Buffer.from("x")])), "Damaged")
        // Frames are whole, and one is missing, or two are exchanged.
        const [header, one, other, end] = framesOf(bytes)
        assert(header && one && other && end)
        assert.strictEqual(yield* tried(Buffer.concat([header, one, end])), "Damaged")
        assert.strictEqual(yield* tried(Buffer.concat([header, other, one, end])), "Damaged")
        assert.strictEqual(yield* tried(Buffer.from("LLCBACKUP 2\n")), "OtherVersion")
        // A length that no frame has is not believed.
        const huge = Buffer.concat([bytes.subarray(0, 12), Buffer.from([0xff, 0xff, 0xff, 0xff])])
        assert.strictEqual(yield* tried(huge), "Damaged")
        assert.strictEqual(yield* reasonOf(backup.restore(`${file}.none`)), "FileFailed")
        assert.strictEqual(yield* reasonOf(backup.write("/no/such/folder/file")), "FileFailed")
        const left = (yield* Stream.runCollect(store.scan("letletme:match"))).flat()
        assert.deepStrictEqual(left, [])
      }).pipe(Effect.scoped, Effect.provide(app))
    )

    it.live("what is no entry is not taken along", () =>
      Effect.gen(function* () {
        const backup = yield* Backup
        const store = yield* CacheStore
        yield* warmed(20)
        const revision = { time: 0, sequence: 0 }
        yield* store.fill(
          ["letletme:stranger", "letletme:match:1@00000000"].map((key) => ({
            key,
            stamp: 0,
            revision,
            bytes: Buffer.from("of somebody else"),
            timeToLive: 60_000,
            overwrite: true
          }))
        )
        const { entries, skipped } = yield* backup.write(yield* fileIn)
        assert.deepStrictEqual([entries, skipped], [20, 2])
      }).pipe(Effect.scoped, Effect.provide(app))
    )
  })
}

it.effect("an entry whose time is over is left out", () =>
  Effect.gen(function* () {
    const backup = yield* Backup
    yield* warmed(20)
    const manager = yield* CacheManager
    assert.deepStrictEqual(yield* manager.domains, ["match"])
    const file = yield* fileIn
    yield* backup.write(file)
    yield* wipe
    yield* TestClock.adjust("3 days")
    const { expired, restored } = yield* backup.restore(file)
    assert.deepStrictEqual([restored, expired], [0, 20])
  }).pipe(Effect.scoped, Effect.provide(over(tiers.memory(patient))))
)
