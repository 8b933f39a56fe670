/**
 * What every invalidation log has to do.
 */
import { assert, describe, it } from "@effect/vitest"
import { CacheStore, InvalidationLog, type Position, Tag, View } from "@letletme/cache"
import { Effect, Fiber, type Layer, Result } from "effect"
import { eventually, type Settings } from "../tiers.ts"
import { bodyOf, fillOf, readOf } from "./sealed.ts"

const match = (id: number | string) => Tag.of("match", `${id}`)

/** Appends tags alone, as a process whose view is at `from`. */
export const append = (tags: ReadonlyArray<Tag.Tag>, from: Position.Position = 0, cause = "test") =>
  InvalidationLog.use((log) => log.append({ tags, cause, writes: [], from }))

const writeOf = (key: string, text: string, time = 0) => ({
  key,
  // Prepared this moment, whatever the position is.
  preparedAt: Number.MAX_SAFE_INTEGER,
  revision: { time, sequence: 0 },
  body: bodyOf(key, text, { time, sequence: 0 }),
  timeToLive: 60_000
})

const stored = Effect.fnUntraced(function* (key: string) {
  const store = yield* CacheStore
  const [bytes] = yield* store.getMany([key])
  return readOf(key, bytes)
})

const head = Effect.map(
  InvalidationLog.use((log) => log.sync(0)),
  (progress) => progress.head
)

/** Follows as a tail does: again and again, until something comes. */
const next = (from: Position.Position) =>
  InvalidationLog.use((log) => Effect.repeat(log.follow(from), { until: (entries) => entries.length > 0 }))

export const suite = <E>(name: string, over: (settings: Settings) => Layer.Layer<InvalidationLog | CacheStore, E>) =>
  describe(`InvalidationLog ${name}`, () => {
    it.live("gives out positions that grow by one, and answers what the appender missed", () =>
      Effect.gen(function* () {
        const start = yield* head
        const first = yield* append([match(1)], start, "one")
        const second = yield* append([match(2), Tag.any("team")], start, "two ⚽\n{}")
        assert.deepStrictEqual([first.position, second.position], [start + 1, start + 2])
        assert.deepStrictEqual([first.head, second.head], [start + 1, start + 2])
        assert.deepStrictEqual(second.entries, [
          { position: start + 1, tags: [match(1)], floor: undefined, cause: "one", by: "tester" },
          {
            position: start + 2,
            tags: [match(2), Tag.any("team")],
            floor: undefined,
            cause: "two ⚽\n{}",
            by: "tester"
          }
        ])
      }).pipe(Effect.provide(over({ process: "tester" })))
    )

    it.live("never gives a position to two of 200 parallel appends", () =>
      Effect.gen(function* () {
        const start = yield* head
        const ids = Array.from({ length: 200 }, (_, index) => index)
        const appended = yield* Effect.forEach(
          ids,
          (id) =>
            InvalidationLog.use((log) =>
              log.append({
                tags: [match(id)],
                cause: "race",
                writes: [writeOf(`test:match:${id}`, `${id}`)],
                from: start
              })
            ),
          { concurrency: "unbounded" }
        )
        const positions = appended.map(({ position }) => position)
        assert.deepStrictEqual(
          positions.toSorted((a, b) => a - b),
          ids.map((id) => start + 1 + id)
        )
        const log = yield* InvalidationLog
        for (const id of ids) {
          const entry = yield* log.at(positions[id] ?? 0)
          assert.deepStrictEqual(entry?.tags, [match(id)])
          assert.deepStrictEqual((yield* stored(`test:match:${id}`))?.stamp, positions[id])
        }
      }).pipe(Effect.provide(over({})))
    )

    it.live("seals what is written with an append under the append's own position", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        const binary = Uint8Array.from({ length: 256 }, (_, byte) => byte)
        const bytes = { ...writeOf("test:match:2", ""), body: bodyOf("test:match:2", binary, { time: 0, sequence: 0 }) }
        const writes = [writeOf("test:match:1", "one", 7), bytes]
        const appended = yield* log.append({ tags: [match(1), match(2)], cause: "goal", writes, from: start })
        assert.strictEqual(appended.refused.size, 0)
        assert.deepStrictEqual(yield* stored("test:match:1"), {
          stamp: appended.position,
          revision: { time: 7, sequence: 0 },
          text: "one"
        })
        assert.strictEqual((yield* stored("test:match:2"))?.text, Buffer.from(binary).toString())
      }).pipe(Effect.provide(over({})))
    )

    it.live("writes what is as new and refuses what is older, which it announces all the same", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        const one = { tags: [match(1)], cause: "goal", from: start }
        const first = yield* log.append({ ...one, writes: [writeOf("test:match:1", "new", 9)] })
        const refused = yield* log.append({ ...one, writes: [writeOf("test:match:1", "old", 8)] })
        assert.deepStrictEqual([...refused.refused], ["test:match:1"])
        assert.deepStrictEqual([refused.position, refused.head], [first.position + 1, first.position + 1])
        assert.strictEqual(refused.entries.length, 2)
        const writes = [writeOf("test:match:1", "old", 8), writeOf("test:match:2", "other", 8)]
        const partly = yield* log.append({ ...one, writes })
        assert.deepStrictEqual([...partly.refused], ["test:match:1"])
        assert.strictEqual(partly.position, start + 3)
        assert.deepStrictEqual(
          [(yield* stored("test:match:1"))?.text, (yield* stored("test:match:2"))?.text],
          ["new", "other"]
        )
        const again = yield* log.append({ ...one, writes: [writeOf("test:match:1", "corrected", 9)] })
        assert.deepStrictEqual([again.refused.size, again.position], [0, start + 4])
        assert.deepStrictEqual(yield* stored("test:match:1").pipe(Effect.map((held) => held?.text)), "corrected")
      }).pipe(Effect.provide(over({})))
    )

    it.live("does once what has a name, however often it is told to, and remembers it until the floor rises", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        const named = { tags: [match(1)], cause: "outbox", from: start, once: "outbox:7" }
        const first = yield* log.append({ ...named, writes: [writeOf("test:match:1", "new", 9)] })
        yield* append([match(2)])
        const again = yield* log.append({ ...named, writes: [writeOf("test:match:1", "again", 9)] })
        assert.deepStrictEqual([again.position, again.head, again.refused.size], [first.position, start + 2, 0])
        assert.strictEqual((yield* stored("test:match:1"))?.text, "new")
        const raced = yield* Effect.forEach(
          Array.from({ length: 20 }),
          () => log.append({ ...named, once: "outbox:8", writes: [] }),
          { concurrency: "unbounded" }
        )
        assert.deepStrictEqual(new Set(raced.map(({ position }) => position)), new Set([start + 3]))
        assert.strictEqual((yield* log.snapshot).position, start + 3)
        yield* log.compact(start + 3)
        const forgotten = yield* log.append({ ...named, writes: [] })
        assert.strictEqual(forgotten.position, start + 5)
      }).pipe(Effect.provide(over({})))
    )

    it.live("names of the table's own are no tags", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        yield* append(["#head", "#floor", "#run", "*match:1", "*!outbox:7"].map((name) => Tag.of(name)))
        const { floor, head: now } = yield* log.sync(start)
        assert.strictEqual(now, start + 1)
        assert.isAtMost(floor, start)
        assert.isTrue(["#head", "a:#b", "*!a"].every((name) => Result.isFailure(Tag.parse(name))))
      }).pipe(Effect.provide(over({})))
    )

    it.live("keeps the order of writers when the entry is evicted, or loaded by who states no revision", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const store = yield* CacheStore
        const start = yield* head
        const one = { tags: [match(1)], cause: "goal", from: start }
        yield* log.append({ ...one, writes: [writeOf("test:match:1", "new", 9)] })
        yield* store.remove(["test:match:1"])
        const evicted = yield* log.append({ ...one, writes: [writeOf("test:match:1", "old", 8)] })
        assert.deepStrictEqual([...evicted.refused], ["test:match:1"])
        assert.isUndefined(yield* stored("test:match:1"))
        yield* store.fill([fillOf("test:match:1", "loaded", { stamp: evicted.position })])
        const replaced = yield* log.append({ ...one, writes: [writeOf("test:match:1", "old", 8)] })
        assert.deepStrictEqual([...replaced.refused], ["test:match:1"])
        assert.strictEqual((yield* stored("test:match:1"))?.text, "loaded")
      }).pipe(Effect.provide(over({})))
    )

    it.live("refuses what was prepared before the floor rose, and remembers its revision", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        const one = { tags: [match(1)], cause: "goal", from: start }
        const { position } = yield* log.append({ ...one, writes: [] })
        yield* log.compact(position)
        const early = { ...writeOf("test:match:1", "new", 9), preparedAt: position - 1 }
        assert.strictEqual((yield* log.append({ ...one, writes: [early] })).refused.size, 1)
        assert.strictEqual((yield* log.append({ ...one, writes: [writeOf("test:match:1", "old", 8)] })).refused.size, 1)
        assert.strictEqual(
          (yield* log.append({ ...one, writes: [writeOf("test:match:1", "same", 9)] })).refused.size,
          0
        )
        assert.strictEqual((yield* stored("test:match:1"))?.text, "same")
      }).pipe(Effect.provide(over({})))
    )

    it.live("replaces whatever an append without a revision is newer than", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const store = yield* CacheStore
        const start = yield* head
        yield* store.fill([fillOf("test:match:1", "loaded", { stamp: start, revision: { time: 5, sequence: 0 } })])
        yield* log.append({
          tags: [match(1)],
          cause: "goal",
          writes: [writeOf("test:match:1", "updated")],
          from: start
        })
        assert.strictEqual((yield* stored("test:match:1"))?.text, "updated")
        assert.deepStrictEqual(yield* store.fill([fillOf("test:match:1", "late", { stamp: start })]), [false])
      }).pipe(Effect.provide(over({})))
    )

    it.live("without a tag neither appends nor writes", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        const nothing = yield* log.append({
          tags: [],
          cause: "x",
          writes: [writeOf("test:match:1", "one")],
          from: start
        })
        assert.deepStrictEqual([nothing.position, nothing.head, nothing.entries.length], [start, start, 0])
        assert.isUndefined(yield* stored("test:match:1"))
      }).pipe(Effect.provide(over({})))
    )

    it.live("syncs: the head, and the entries after a position", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        yield* Effect.forEach([1, 2, 3], (id) => append([match(id)]))
        const all = yield* log.sync(start)
        assert.deepStrictEqual(
          [all.head, all.entries.map(({ position }) => position)],
          [start + 3, [start + 1, start + 2, start + 3]]
        )
        const last = yield* log.sync(start + 2)
        assert.deepStrictEqual(
          last.entries.map(({ tags }) => tags),
          [[match(3)]]
        )
        assert.deepStrictEqual((yield* log.sync(start + 3)).entries, [])
      }).pipe(Effect.provide(over({})))
    )

    it.live("is followed: what is there comes at once, what is not is waited for", () =>
      Effect.gen(function* () {
        const start = yield* head
        const waiting = yield* Effect.forkChild(next(start))
        yield* append([match(1)])
        assert.deepStrictEqual(
          (yield* Fiber.join(waiting)).map(({ position }) => position),
          [start + 1]
        )
        yield* append([match(2)])
        assert.deepStrictEqual(
          (yield* next(start)).map(({ position }) => position),
          [start + 1, start + 2]
        )
        const interrupted = yield* Effect.forkChild(next(start + 2))
        yield* Effect.yieldNow
        yield* Fiber.interrupt(interrupted)
        yield* append([match(3)])
        // An interrupted wait may have cost the connection, which comes back by itself.
        assert.deepStrictEqual(
          (yield* eventually(next(start + 2))).map(({ position }) => position),
          [start + 3]
        )
      }).pipe(Effect.provide(over({})))
    )

    it.live("shows the whole table, and the last position of each tag", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        const many = Array.from({ length: 2_500 }, (_, index) => match(index))
        yield* append(many)
        yield* append([match(7), Tag.any("team", "größe")])
        const snapshot = yield* log.snapshot
        assert.strictEqual(snapshot.position, start + 2)
        const marks = new Map(snapshot.marks)
        assert.strictEqual(marks.size, 2_501)
        assert.deepStrictEqual(
          [marks.get(match(6)), marks.get(match(7)), marks.get(Tag.any("team", "größe"))],
          [start + 1, start + 2, start + 2]
        )
      }).pipe(Effect.provide(over({})))
    )

    it.live("explains a position, while it is kept", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const { position } = yield* append([match(1)], 0, "late goal")
        assert.strictEqual((yield* log.at(position))?.cause, "late goal")
        assert.isUndefined(yield* log.at(position + 1))
      }).pipe(Effect.provide(over({})))
    )

    it.live("compacts: the floor rises, older marks go, and every view is told", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        yield* Effect.forEach([1, 2, 3], (id) => append([match(id)]))
        yield* append([match(1)])
        yield* log.compact(start + 3)
        const snapshot = yield* log.snapshot
        assert.deepStrictEqual([snapshot.position, snapshot.floor], [start + 5, start + 3])
        assert.deepStrictEqual([...snapshot.marks], [[match(1), start + 4]])
        const { entries, floor } = yield* log.sync(start + 4)
        assert.deepStrictEqual([floor, entries[0]?.floor, entries[0]?.cause], [start + 3, start + 3, "compaction"])
        const view = View.make()
        view.restore({ position: start, floor: 0, marks: [] })
        assert.isTrue(view.apply((yield* log.sync(start)).entries))
        assert.strictEqual(view.floor, start + 3)
        assert.strictEqual((yield* append([match(9)])).position, start + 6)
      }).pipe(Effect.provide(over({})))
    )

    it.live("does not compact to a floor that it has, nor to one above the head", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const { position } = yield* append([match(1)])
        yield* log.compact(position)
        yield* log.compact(position)
        yield* log.compact(position - 1)
        yield* log.compact(position + 100)
        const { head: last, floor } = yield* log.sync(position)
        assert.deepStrictEqual([last, floor], [position + 1, position])
      }).pipe(Effect.provide(over({})))
    )

    it.live("trims the log, which leaves a gap that a snapshot fills", () =>
      Effect.gen(function* () {
        const log = yield* InvalidationLog
        const start = yield* head
        const view = View.make()
        view.restore(yield* log.snapshot)
        yield* Effect.forEach(
          Array.from({ length: 400 }, (_, id) => id),
          (id) => append([match(id)])
        )
        const progress = yield* log.sync(start)
        assert.isBelow(progress.entries.length, 250)
        assert.isUndefined(yield* log.at(start + 1))
        assert.isFalse(view.apply(progress.entries))
        assert.strictEqual(view.position, start)
        view.restore(yield* log.snapshot)
        assert.strictEqual(view.position, start + 400)
        assert.deepStrictEqual(
          [view.isValid(start, [match(0)]), view.isValid(start + 1, [match(0)]), view.isValid(start, [match(400)])],
          [false, true, true]
        )
      }).pipe(Effect.provide(over({ logLength: 10 })))
    )
  })
