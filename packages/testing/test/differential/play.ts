/**
 * Asks a server what a sequence of operations says, through the cache's own log and store, and writes the answers so
 * that those of two servers can be compared.
 */
import {
  CacheConfig,
  CacheStore,
  Entry,
  InvalidationLog,
  type Position,
  RedisLog,
  RedisStore,
  Tag,
  type View
} from "@letletme/cache"
import type { CacheError } from "@letletme/cache/CacheError"
import { Redis, RedisError } from "@letletme/redis"
import { Effect, Layer, Result, Stream } from "effect"
import type { Operation, Where } from "./Operation.ts"

const table = "{test}:table"
const log = "{test}:log"

/** The log and the store of the cache, over a Redis. The log is so short that it is trimmed. */
export const layer = <E>(redis: Layer.Layer<Redis, E>) =>
  Layer.mergeAll(RedisLog.layer, RedisStore.layer).pipe(
    Layer.provide(CacheConfig.layer({ namespace: "test", process: "tester", logLength: 8, maxStaleness: 30_000 })),
    Layer.provideMerge(redis)
  )

const lengthOf = (isShort: boolean) => (isShort ? 1 : 3_600_000)

const bodyOf = (revision: Entry.Revision, text: string): Uint8Array => {
  const times = { createdAt: 1_000, freshUntil: 2_000, expiresAt: 3_000 }
  return Entry.body(
    { ...times, revision, absent: false, announced: false, tags: [Tag.of("match", "1")] },
    Buffer.from(text)
  )
}

/** Positions as a reader of the answers knows them: by incarnation. */
class Positions {
  private readonly incarnations: Array<{ readonly base: number; head: number }> = []

  /** Every answer of the log has a floor, which leaves the incarnation's bounds only where another one has begun. */
  learn(head: number, floor: number): void {
    const last = this.incarnations.at(-1)
    if (last === undefined || floor < last.base || floor > last.head) this.incarnations.push({ base: floor, head })
    else last.head = Math.max(last.head, head)
  }

  find({ of, plus }: Where): number {
    const incarnation = this.incarnations.at(of === "before" ? -2 : -1)
    if (of === "none" || incarnation === undefined) return 0
    // What is below the base means something else to the other server.
    return Math.max(incarnation.base, (of === "base" ? incarnation.base : incarnation.head) + plus)
  }

  name(position: number): string {
    // Compactions and the entries of a log may be a little ahead of what was answered.
    const index = this.incarnations.findLastIndex(({ base, head }) => base <= position && position <= head + 100)
    return index === -1 ? `${position}` : `#${index}+${position - (this.incarnations[index]?.base ?? 0)}`
  }
}

/** Why an operation failed. The words differ: a server names the script's line. */
const why = (error: CacheError | RedisError): string => {
  const cause = error.reason._tag === "StoreFailed" ? error.reason.cause : error
  const kind = cause instanceof RedisError ? `${cause.reason._tag}, ${cause.isTemporary}` : String(cause)
  return `failed: ${error._tag} ${error.reason._tag} (${kind})`
}

/** Carries out the operations, one after the other, on an empty server. Answers a line for each. */
export const play = Effect.fnUntraced(function* (operations: ReadonlyArray<Operation>) {
  const logs = yield* InvalidationLog
  const store = yield* CacheStore
  const redis = yield* Redis
  const positions = new Positions()
  const name = (position: Position.Position) => positions.name(position)

  const show = (bytes: Uint8Array | undefined): string | undefined =>
    bytes === undefined
      ? undefined
      : Buffer.from(bytes)
          .toString("latin1")
          .replace(/^LLC1 (\d+) (\d+) /, (_, stamp, check) => {
            const isRight = Entry.checkOf(Number(stamp)) === Number(check)
            return `LLC1 ${name(Number(stamp))} ${isRight ? "right" : "wrong"} `
          })

  const entriesOf = (entries: ReadonlyArray<View.LogEntry>) =>
    entries.map(({ by, cause, floor, position, tags }) => ({
      position: name(position),
      tags,
      floor: floor === undefined ? undefined : name(floor),
      cause,
      // An incarnation names the run of the server.
      by: cause === "incarnation" ? "server" : by
    }))

  /** What lives for a millisecond is awaited, so that nobody sees it in between. */
  const awaitGone = (keys: ReadonlyArray<string>) =>
    store.getMany(keys).pipe(
      Effect.repeat({ until: (found) => found.every((bytes) => bytes === undefined), times: 100_000 }),
      Effect.map((found) => found.map(show))
    )

  const carryOut = Effect.fnUntraced(function* (
    operation: Operation
  ): Effect.fn.Return<unknown, CacheError | RedisError> {
    switch (operation._tag) {
      case "Append": {
        const timeToLive = lengthOf(operation.isShort)
        const answer = yield* logs.append({
          tags: operation.tags,
          cause: "test ü",
          from: positions.find(operation.from),
          writes: operation.writes.map(({ key, preparedAt, revision, text }) => ({
            key,
            preparedAt: positions.find(preparedAt),
            revision,
            body: bodyOf(revision, text),
            timeToLive
          }))
        })
        positions.learn(answer.head, answer.floor)
        const written = operation.tags.length === 0 ? [] : operation.writes.map(({ key }) => key)
        if (operation.isShort) yield* awaitGone(written.filter((key) => !answer.refused.has(key)))
        return {
          position: name(answer.position),
          head: name(answer.head),
          floor: name(answer.floor),
          refused: [...answer.refused],
          entries: entriesOf(answer.entries)
        }
      }
      case "Sync": {
        const { entries, floor, head } = yield* logs.sync(positions.find(operation.from))
        positions.learn(head, floor)
        return { head: name(head), floor: name(floor), entries: entriesOf(entries) }
      }
      case "Snapshot": {
        const { floor, marks, position } = yield* logs.snapshot
        positions.learn(position, floor)
        // A hash has no order.
        const lines = Array.from(marks, ([tag, at]) => `${tag} ${name(at)}`).toSorted()
        return { position: name(position), floor: name(floor), marks: lines }
      }
      case "Compact":
        return yield* logs.compact(positions.find(operation.floor))
      case "At": {
        const entry = yield* logs.at(positions.find(operation.position))
        return entriesOf(entry === undefined ? [] : [entry])
      }
      case "Follow": {
        const { entries, floor, head } = yield* logs.sync(0)
        positions.learn(head, floor)
        // Where nothing is left to read, the server would wait.
        const last = entries.at(-1)?.position
        return last === undefined ? "nothing" : entriesOf(yield* logs.follow(last - operation.behind))
      }
      case "Fill": {
        const timeToLive = lengthOf(operation.isShort)
        const fills = operation.fills.map(({ key, kind, overwrite, revision, stamp: where, text }) => {
          const stamp = positions.find(where)
          const sealed = Entry.seal(stamp, bodyOf(revision, text))
          const altered = Buffer.concat([
            Buffer.from(`LLC1 ${stamp} ${Entry.checkOf(stamp) + 1} `),
            bodyOf(revision, text)
          ])
          const bytes = { sealed, altered, foreign: Buffer.from([0, 128, 255, 10, ...Buffer.from(text)]) }[kind]
          return { key, stamp, revision, overwrite, bytes, timeToLive }
        })
        const stored = yield* store.fill(fills)
        if (operation.isShort) yield* awaitGone(fills.filter((_, index) => stored[index]).map(({ key }) => key))
        return stored
      }
      case "GetMany":
        return (yield* store.getMany(operation.keys)).map(show)
      case "Remove":
        return yield* store.remove(operation.keys)
      case "Scan": {
        const chunks = yield* Stream.runCollect(store.scan(operation.prefix))
        return [...new Set(chunks.flat())].toSorted()
      }
      case "Lease": {
        const holders = yield* store.lease(operation.leases, lengthOf(operation.isShort))
        const taken = operation.leases.filter((_, index) => holders[index] === undefined)
        if (operation.isShort) yield* awaitGone(taken.map(({ key }) => key))
        return holders
      }
      case "Release":
        return yield* store.release(operation.leases)
      case "Lose":
        return operation.what === "everything"
          ? yield* redis.send("FLUSHALL")
          : yield* redis.send("DEL", operation.what === "table" ? table : log)
      case "Spoil":
        return yield* redis.send("SET", operation.what === "table" ? table : log, "spoilt")
    }
  })

  yield* redis.send("FLUSHALL")
  return yield* Effect.forEach(operations, (operation) =>
    Effect.map(Effect.result(carryOut(operation)), (answer) =>
      Result.isSuccess(answer) ? (JSON.stringify(answer.success) ?? "nothing") : why(answer.failure)
    )
  )
})
