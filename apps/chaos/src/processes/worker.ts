/**
 * A process under test: the cache over Redis, read and written as its assignment says.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import { CacheConfig, CacheManager, CacheMetrics } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Array as Arr, Effect, Layer, Option, Queue, Random, References, Schema } from "effect"
import { layerSource, Line } from "../Line.ts"
import { Assignment } from "../Messages.ts"
import { allSeen, boardCount, Boards, groupCount, Groups, itemCount, Items } from "../Model.ts"
import * as Monotonic from "../Monotonic.ts"
import * as Readers from "../Readers.ts"
import * as Writers from "../Writers.ts"

const decode = Schema.decodeUnknownEffect(Schema.fromJsonString(Assignment))

const loads = CacheMetrics.use(({ counts }) =>
  Effect.map(counts, ({ domains }) => Object.values(domains).reduce((sum, domain) => sum + domain.loads, 0))
)

/** Reads every key, and says what was seen and how many lookups it took. */
const probe = Effect.fnUntraced(function* (id: number) {
  const line = yield* Line
  const before = yield* loads
  const all = <A>(domain: { readonly getMany: (ids: ReadonlyArray<number>) => A }, count: number) =>
    domain.getMany(Arr.makeBy(count, (index) => index))
  const values = yield* Effect.all([
    Items.use((items) => all(items, itemCount)),
    Groups.use((groups) => all(groups, groupCount)),
    Boards.use((boards) => all(boards, boardCount))
  ]).pipe(Effect.option)
  const seen = Option.match(values, { onNone: () => [], onSome: (domains) => domains.flatMap(allSeen) })
  line.say({ _tag: "Probed", id, seen, loads: (yield* loads) - before, failures: Option.isNone(values) ? 1 : 0 })
})

const program = Effect.fnUntraced(function* (assignment: Assignment) {
  const line = yield* Line
  const now = Monotonic.since(assignment.zero)
  const readers = yield* Readers.start(assignment, now)
  const writers = yield* Writers.start(assignment, now, readers)
  line.say({ _tag: "Ready" })
  while (true) {
    const order = yield* Queue.take(line.orders)
    switch (order._tag) {
      case "Newest":
        readers.setNewest(order.position)
        break
      case "Calm":
        readers.setCalm(order.isCalm)
        writers.setCalm(order.isCalm)
        break
      case "Announce":
        yield* Effect.forkScoped(writers.announce(order.rows))
        break
      case "Probe":
        yield* Effect.forkScoped(probe(order.id))
        break
    }
  }
}, Effect.scoped)

const main = Effect.gen(function* () {
  const assignment = yield* decode(process.argv[2])
  const { maxLookups, maxStaleness, name, seed, target } = assignment
  // Near caches hold less than there is, and dependencies are coarsened: the store and the patterns are used too.
  const settings = {
    process: name,
    maxStaleness,
    maxLookups,
    nearEntries: 48,
    maxTagsPerEntry: 32,
    lookupTimeout: 1_000
  }
  const place = target._tag === "Standalone" ? { host: target.host, port: target.port } : { topology: target }
  const cache = CacheManager.layerRedis.pipe(
    Layer.provide(Redis.layer({ ...place, lazy: true, commandTimeout: 250, connectTimeout: 500 })),
    Layer.provide(CacheConfig.layer(settings))
  )
  const domains = Boards.layer.pipe(Layer.provideMerge(Groups.layer), Layer.provideMerge(Items.layer))
  const app = domains.pipe(Layer.provideMerge(cache), Layer.provideMerge(layerSource))
  return yield* program(assignment).pipe(Effect.provide(app), Random.withSeed(seed))
})

main.pipe(Effect.provide(Line.layer), Effect.provideService(References.MinimumLogLevel, "None"), NodeRuntime.runMain)
