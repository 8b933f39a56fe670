/**
 * The log in Redis: the table, one hash, and the entries, one stream, on one cluster slot.
 *
 * An entry's stream id is its position, so that a reader can tell a gap, and XREAD waits for the next one.
 *
 * @see https://redis.io/docs/latest/develop/data-types/streams/
 */
import { Redis } from "@letletme/redis"
import { Effect, Layer, Schema } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import { CacheError, Fenced, StoreFailed } from "./CacheError.ts"
import { seal } from "./Entry.ts"
import { type Append, InvalidationLog } from "./InvalidationLog.ts"
import * as scripts from "./internal/scripts.ts"
import { fromText, type Position } from "./Position.ts"
import { fillOver, storeFailed } from "./RedisStore.ts"
import * as Tag from "./Tag.ts"
import * as TraceContext from "./TraceContext.ts"
import type { LogEntry } from "./View.ts"

const Streams = Schema.NullOr(
  Schema.Array(Schema.Tuple([Schema.String, Schema.Array(Schema.Tuple([Schema.String, Schema.Array(Schema.String)]))]))
)
const decodeStreams = Schema.decodeUnknownEffect(Streams)
const Range = Schema.Array(Schema.Tuple([Schema.String, Schema.Array(Schema.String)]))
const decodeRange = Schema.decodeUnknownEffect(Range)
const decodeHash = Schema.decodeUnknownEffect(Schema.Array(Schema.String))

/** Reads stream entries. One that cannot be read is no entry: the gap that it leaves leads to a snapshot. */
const toEntries = (list: ReadonlyArray<readonly [string, ReadonlyArray<string>]>): ReadonlyArray<LogEntry> => {
  const entries: Array<LogEntry> = []
  for (const [id, fields] of list) {
    const position = fromText(id.split("-", 1)[0])
    if (position === undefined) continue
    let [tagText, floorText, cause, by, trace] = ["", "", "", "", ""]
    for (let index = 0; index + 1 < fields.length; index += 2) {
      const text = fields[index + 1] ?? ""
      const name = fields[index]
      if (name === "tags") tagText = text
      else if (name === "floor") floorText = text
      else if (name === "cause") cause = text
      else if (name === "by") by = text
      else if (name === "trace") trace = text
    }
    const tags = tagText === "" ? [] : tagText.split(" ").map(Tag.fromText)
    const known = tags.filter((tag) => tag !== undefined)
    if (known.length !== tags.length) continue
    const entry = { position, tags: known, floor: fromText(floorText), cause, by }
    entries.push(TraceContext.parse(trace) === undefined ? entry : { ...entry, trace })
  }
  return entries
}

/** The first argument of the log's scripts. */
const positions = (from: Position, seen: Position = from): string => `${from} ${Math.max(from, seen)}`

/**
 * The log over the Redis in context, under the namespace in force. Fails with `CacheError` where its own
 * connection cannot be had.
 */
export const layer: Layer.Layer<InvalidationLog, CacheError, Redis> = Layer.effect(
  InvalidationLog,
  Effect.gen(function* () {
    const redis = yield* Redis
    const config = yield* CacheConfig.Settings
    const table = `{${config.namespace}}:table`
    const log = `{${config.namespace}}:log`
    const heartbeat = Math.max(1, Math.round(config.maxStaleness / 3))
    const fill = fillOver(redis, config)
    const blocking = yield* redis.blocking.pipe(Effect.mapError(storeFailed("Connecting the tail")))

    const malformed = (operation: string) => (cause: Schema.SchemaError) =>
      new CacheError({ reason: new StoreFailed({ operation, temporary: false, cause }) })

    /**
     * In a cluster the entries lie on other nodes than the log: they are filled after the append, under its position.
     * Until then, and where that fails, what they replace is invalid by the append, and read by nobody. Answers the keys
     * that hold what is newer.
     */
    const fillElsewhere = (writes: Append["writes"], position: Position) =>
      fill(
        writes.map(({ key, revision, timeToLive, body }) => ({
          key,
          stamp: position,
          revision,
          timeToLive,
          overwrite: false,
          bytes: seal(position, body)
        }))
      ).pipe(
        Effect.map((stored) => writes.flatMap(({ key }, index) => (stored[index] === true ? [] : [key]))),
        // The append is done, and counts: an entry that could not be written is a miss.
        Effect.catch((error) => Effect.as(Effect.logDebug("Entries of an append were not written", error), []))
      )

    return InvalidationLog.of({
      isRemote: true,
      append: Effect.fnUntraced(function* ({ tags, cause, writes, from, seen, once = "", fence, trace = "" }: Append) {
        const isHere = redis.spread === undefined
        const [position, head, floor, refused, entries] = yield* redis
          .eval(
            scripts.append,
            [table, log, ...(isHere ? writes.map(({ key }) => key) : [])],
            [
              positions(from, seen),
              config.logLength,
              cause,
              config.process,
              tags.length,
              writes.length,
              once,
              fence ?? 0,
              trace,
              ...tags,
              ...writes.flatMap(({ key, preparedAt, revision, timeToLive, body }) => [
                key,
                preparedAt,
                revision.time,
                revision.sequence,
                Math.max(1, Math.round(timeToLive)),
                isHere ? body : ""
              ])
            ]
          )
          .pipe(Effect.mapError(storeFailed("Appending to the log")))
        if (position === 0) return yield* new CacheError({ reason: new Fenced({ fence: fence ?? 0 }) })
        const outdated = new Set(refused)
        // What a name was given to before is not written again; where nothing came between, that would change nothing.
        if (!isHere && tags.length > 0 && position === head) {
          const accepted = writes.filter(({ key }) => !outdated.has(key))
          for (const key of yield* fillElsewhere(accepted, position)) outdated.add(key)
        }
        return { position, head, floor, refused: outdated, entries: toEntries(entries) }
      }),
      sync: (from, seen) =>
        redis.eval(scripts.sync, [table, log], [positions(from, seen)]).pipe(
          Effect.map(([head, floor, entries]) => ({ head, floor, entries: toEntries(entries) })),
          Effect.mapError(storeFailed("Asking for the log's head"))
        ),
      follow: (from) =>
        blocking.send(heartbeat * 2, "XREAD", "COUNT", 1_000, "BLOCK", heartbeat, "STREAMS", log, `${from}-0`).pipe(
          Effect.mapError(storeFailed("Following the log")),
          Effect.flatMap((reply) => Effect.mapError(decodeStreams(reply), malformed("Following the log"))),
          Effect.map((streams) => (streams ?? []).flatMap(([, entries]) => toEntries(entries)))
        ),
      snapshot: Effect.gen(function* () {
        const [head, lowest] = yield* Effect.mapError(
          redis.eval(scripts.sync, [table, log], [positions(0)]),
          storeFailed("Asking for the log's head")
        )
        const reply = yield* Effect.mapError(redis.send("HGETALL", table), storeFailed("Reading the table"))
        const flat = yield* Effect.mapError(decodeHash(reply), malformed("Reading the table"))
        const marks: Array<readonly [Tag.Tag, Position]> = []
        let position = 0
        let floor = 0
        for (let index = 0; index + 1 < flat.length; index += 2) {
          const name = flat[index] ?? ""
          const at = fromText(flat[index + 1])
          // What was announced of a key is remembered beside the marks: for the writers alone.
          if (name === "#head" && at !== undefined) position = at
          else if (name === "#floor" && at !== undefined) floor = at
          else if (at !== undefined && !name.startsWith("#") && !name.startsWith("*")) {
            const tag = Tag.fromText(name)
            if (tag !== undefined) marks.push([tag, at])
          }
        }
        // Evicted or put back in between: what was read is not the table of the log that was asked.
        if (position < head || floor < lowest) {
          const cause = `It was at ${position}, and is at ${head} by the log.`
          return yield* new CacheError({
            reason: new StoreFailed({ operation: "Reading the table", temporary: true, cause })
          })
        }
        return { position, floor, marks }
      }).pipe(Effect.retry({ times: 2, while: ({ reason }) => reason._tag === "StoreFailed" && reason.temporary })),
      at: (position) =>
        redis.send("XRANGE", log, `${position}-0`, `${position}-0`).pipe(
          Effect.mapError(storeFailed("Reading the log")),
          Effect.flatMap((reply) => Effect.mapError(decodeRange(reply), malformed("Reading the log"))),
          Effect.map((entries) => toEntries(entries)[0])
        ),
      lead: ({ fence = 0, holder, lease }) =>
        redis
          .eval(
            scripts.lead,
            [table, log],
            [positions(0), config.logLength, config.process, Math.max(1, Math.round(lease)), holder, fence]
          )
          .pipe(
            Effect.map(([fence, left, holder]) => ({ fence, holder, left: left / 1_000 })),
            Effect.mapError(storeFailed("Taking the lead"))
          ),
      resign: (fence) =>
        Effect.asVoid(
          Effect.mapError(redis.eval(scripts.resign, [table], [fence]), storeFailed("Handing over the lead"))
        ),
      compact: Effect.fnUntraced(function* (floor: Position) {
        const reply = yield* Effect.mapError(redis.send("HGETALL", table), storeFailed("Reading the table"))
        const flat = yield* Effect.mapError(decodeHash(reply), malformed("Reading the table"))
        const old = flat.filter(
          (name, index) =>
            index % 2 === 0 && !name.startsWith("#") && Number.parseInt(flat[index + 1] ?? "", 10) <= floor
        )
        yield* Effect.mapError(
          redis.eval(scripts.compact, [table, log], [positions(0), floor, config.logLength, config.process, ...old]),
          storeFailed("Compacting the log")
        )
      })
    })
  })
)
