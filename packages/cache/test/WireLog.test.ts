/**
 * The log and its table in Redis, as the first version wrote them: read as they were meant, and written so today.
 */
import { assert, describe, it } from "@effect/vitest"
import {
  CacheConfig,
  CacheManager,
  DependencyGraph,
  DomainCache,
  InvalidationLog,
  Lookup,
  RedisLog,
  Tag
} from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Context, Effect, Layer, Schema } from "effect"
import { readFileSync } from "node:fs"
import { redis } from "./tiers.ts"

/** A file of a version never changes; a new format adds one. */
const Written = Schema.Struct({
  /** Without the run of the server, which is of the server that reads. */
  table: Schema.Record(Schema.String, Schema.String),
  log: Schema.Array(Schema.Tuple([Schema.String, Schema.Array(Schema.String)])),
  means: Schema.Struct({
    position: Schema.Finite,
    floor: Schema.Finite,
    marks: Schema.Array(Schema.Tuple([Tag.Tag, Schema.Finite])),
    entries: Schema.Array(
      Schema.Struct({
        position: Schema.Finite,
        tags: Schema.Array(Tag.Tag),
        floor: Schema.NullOr(Schema.Finite),
        cause: Schema.String,
        by: Schema.String,
        trace: Schema.optionalKey(Schema.String)
      })
    )
  })
})
const written = Schema.decodeSync(Schema.fromJsonString(Written))(
  readFileSync(new URL("./wire/log-1.json", import.meta.url), "utf8")
)
const [table, log] = ["{test}:table", "{test}:log"]
const first = 1_893_456_000_000_000

const send = (command: string, ...args: ReadonlyArray<string>) => Redis.use((it) => it.send(command, ...args))

/** Puts a table and a log into Redis, as if this server had held them all along. */
const put = Effect.fnUntraced(function* (
  fields: Readonly<Record<string, string>>,
  entries: ReadonlyArray<readonly [id: string, fields: ReadonlyArray<string>]>
) {
  const run = /run_id:(\w+)/.exec(String(yield* send("INFO", "server")))?.[1] ?? ""
  yield* send("HSET", table, "#run", run, ...Object.entries(fields).flat())
  for (const [id, fields] of entries) yield* send("XADD", log, id, ...fields)
})

const asWritten = put(written.table, written.log)
const Entries = Schema.decodeUnknownEffect(Written.fields.log)
const Fields = Schema.decodeUnknownEffect(Schema.Array(Schema.String))

let loads = 0
class Teams extends DomainCache.Service<Teams>()("test/WireLog/Teams", {
  graph: DependencyGraph.make({ team: [] }),
  domain: "team",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookup: () => Effect.sync(() => Lookup.found(`loaded ${++loads}`))
}) {}

const settings = CacheConfig.layer({ namespace: "test", process: "writer" })
const logs = RedisLog.layer.pipe(Layer.provide(settings), Layer.provideMerge(redis))

describe("the log that version 1 wrote", () => {
  it.live("is read as it was meant", () =>
    Effect.gen(function* () {
      yield* asWritten
      const it = yield* InvalidationLog
      const { entries, floor, marks, position } = written.means
      const { marks: found, ...snapshot } = yield* it.snapshot
      assert.deepStrictEqual(snapshot, { position, floor })
      assert.deepStrictEqual(new Map(found), new Map(marks))
      const meant = entries.map(({ floor, ...entry }) => ({ ...entry, floor: floor ?? undefined }))
      const { head, entries: missed } = yield* it.sync(first)
      assert.strictEqual(head, position)
      assert.deepStrictEqual(missed, meant.slice(1))
      assert.deepStrictEqual(yield* it.follow(first), meant.slice(1))
      assert.deepStrictEqual(yield* it.at(first + 1), meant[1])
    }).pipe(Effect.provide(logs))
  )

  it.live("is what is written today", () =>
    Effect.gen(function* () {
      const [[id, incarnation] = ["", []]] = written.log
      yield* put({ "#head": `${first}`, "#floor": `${first}`, "#format": "1" }, [[id, incarnation]])
      const it = yield* InvalidationLog
      const common = { from: first, writes: [] }
      yield* it.append({
        ...common,
        tags: [Tag.of("team", "2030-31", "7"), Tag.any("match", "team", "2030-31", "7")],
        cause: "update Größe ⚽"
      })
      const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      yield* it.append({ ...common, tags: [Tag.of("event", "2030-31", "2")], cause: "", trace })
      const phase = {
        key: "test:phase:1@00000000",
        preparedAt: first,
        revision: { time: 1_893_456_000_500, sequence: 3 },
        body: Buffer.from("x"),
        timeToLive: 60_000
      }
      const tags = [Tag.of("phase", "a b:*")]
      yield* it.append({ ...common, tags, cause: "relay 12", once: "outbox:12", writes: [phase] })
      yield* it.lead({ holder: "warmer-1", lease: 10_000, fence: undefined })
      yield* it.compact(first + 1)

      assert.deepStrictEqual(yield* Entries(yield* send("XRANGE", log, "-", "+")), written.log)
      const flat = yield* Fields(yield* send("HGETALL", table))
      const fields = new Map(flat.flatMap((name, index) => (index % 2 === 0 ? [[name, flat[index + 1]]] : [])))
      fields.delete("#run")
      // Until when it leads is told by the server's clock.
      const leader = (text: string | undefined) => text?.replace(/ \d+ /, " … ")
      assert.strictEqual(leader(fields.get("#leader")), leader(written.table["#leader"]))
      fields.delete("#leader")
      const { "#leader": _, ...others } = written.table
      assert.deepStrictEqual(Object.fromEntries(fields), others)
    }).pipe(Effect.provide(logs))
  )

  it.live("may have fields that this version does not know", () =>
    Effect.gen(function* () {
      const [incarnation, ...entries] = written.log
      yield* put({ ...written.table, "#later": "7", "*later": "8" }, [
        ...(incarnation === undefined ? [] : [incarnation]),
        ...entries.map(([id, fields]) => [id, ["later", "9", ...fields]] as const)
      ])
      const it = yield* InvalidationLog
      assert.deepStrictEqual(new Map((yield* it.snapshot).marks), new Map(written.means.marks))
      const { entries: found } = yield* it.sync(first)
      assert.deepStrictEqual(
        found.map(({ tags }) => tags),
        written.means.entries.slice(1).map(({ tags }) => tags)
      )
    }).pipe(Effect.provide(logs))
  )

  it.live("with an entry that cannot be read has a gap there, and nothing is taken for what it is not", () =>
    Effect.gen(function* () {
      yield* put(
        written.table,
        written.log.map(([id, fields]) => [id, fields.map((text) => text.replace("event:2030-31:2", "two words:*:x"))])
      )
      const { entries } = yield* InvalidationLog.use((it) => it.sync(first))
      assert.deepStrictEqual(
        entries.map(({ position }) => position - first),
        [1, 3, 4, 5]
      )
    }).pipe(Effect.provide(logs))
  )
})

describe("a log of a later version", () => {
  it.live("is refused by every question and every append, says so, and is left as it is", () =>
    Effect.gen(function* () {
      yield* put({ ...written.table, "#format": "2" }, written.log)
      // Not even a restart of the server makes it begin anew.
      yield* send("HSET", table, "#run", "another")
      const it = yield* InvalidationLog
      const before = [yield* send("HGETALL", table), yield* send("XRANGE", log, "-", "+")]
      const asked = {
        sync: it.sync(first),
        snapshot: it.snapshot,
        append: it.append({ tags: [Tag.of("team", "1")], cause: "", writes: [], from: first }),
        compact: it.compact(first),
        lead: it.lead({ holder: "a", lease: 1_000, fence: undefined })
      }
      for (const [name, question] of Object.entries(asked)) {
        const { message } = yield* Effect.flip(Effect.asVoid(question))
        assert.include(message, "the log of this namespace has the format 2, and this release knows 1", name)
        assert.include(message, "Trying again will not help", name)
      }
      assert.deepStrictEqual([yield* send("HGETALL", table), yield* send("XRANGE", log, "-", "+")], before)
    }).pipe(Effect.provide(logs))
  )

  it.live("leaves a cache that trusts nothing: it answers from the source, and refuses to invalidate", () =>
    Effect.gen(function* () {
      yield* put({ ...written.table, "#format": "2" }, written.log)
      const context = yield* Layer.build(
        Teams.layer.pipe(Layer.provideMerge(CacheManager.layerRedis), Layer.provide(settings))
      )
      const teams = Context.get(context, Teams)
      assert.deepStrictEqual([yield* teams.get("1"), yield* teams.get("1")], ["loaded 1", "loaded 2"])
      assert.include((yield* Effect.flip(teams.invalidate(["1"]))).message, "has the format 2")
      assert.deepStrictEqual(yield* send("KEYS", "test:*"), [])
    }).pipe(Effect.scoped, Effect.provide(redis))
  )
})
