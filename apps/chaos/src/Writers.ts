/**
 * The writes of a process under test: it changes the source, then has the cache invalidate or update until that is
 * acknowledged, and tells what was.
 */
import { type CacheError, CacheManager, type Domain, LiveView, Tag } from "@letletme/cache"
import { Array as Arr, Effect, FiberSet, Option, Random, Schedule } from "effect"
import { Line } from "./Line.ts"
import type { Assignment } from "./Messages.ts"
import {
  groupCount,
  groupOf,
  Groups,
  isUpdated,
  itemCount,
  Items,
  itemsOf,
  revisionOf,
  rowOf,
  type Seen
} from "./Model.ts"
import type { Readers } from "./Readers.ts"
import { Source } from "./Source.ts"

const ways = [
  "one",
  "one",
  "batch",
  "pattern",
  "group",
  "mixed",
  "update",
  "update",
  "updateMany",
  "updateMany"
] as const
type Way = (typeof ways)[number]

// An announcement that was not acknowledged is done again, for as long as the process lives.
const updated = Arr.makeBy(itemCount, (item) => item).filter(isUpdated)
const invalidated = Arr.makeBy(itemCount, (item) => item).filter((item) => !isUpdated(item))

const again = Schedule.jittered(Schedule.spaced("50 millis"))
const mostInFlight = 8

/** An acknowledgement: from which position on; and the number of an update that wrote values at just that position. */
interface Announced {
  readonly position: number
  readonly update: number
}

const nothingWritten = (position: number): Announced => ({ position, update: 0 })

// The numbers of a life's updates.
const mostUpdates = 2 ** 16

export interface Writers {
  readonly setCalm: (isCalm: boolean) => void
  /** Announces what another process changed and could not announce. */
  readonly announce: (rows: ReadonlyArray<number>) => Effect.Effect<void>
}

/** Writes until the scope ends. */
export const start = Effect.fnUntraced(function* (
  { life, writesPerSecond }: Pick<Assignment, "life" | "writesPerSecond">,
  now: () => number,
  readers: Readers
) {
  const line = yield* Line
  const source = yield* Source
  const manager = yield* CacheManager
  const { view } = yield* LiveView
  const items = yield* Items
  const groups = yield* Groups
  const random = yield* Random.Random
  const run = yield* FiberSet.makeRuntime()
  const below = (bound: number): number => Math.floor(random.nextDoubleUnsafe() * bound)
  const chance = (share: number): boolean => random.nextDoubleUnsafe() < share

  let isCalm = false
  let inFlight = 0
  let updates = 0

  const some = (rows: ReadonlyArray<number>, most: number) =>
    new Set(Arr.makeBy(most, () => rows[below(rows.length)] ?? 0))

  /** The rows that a write changes. */
  const rowsOf = (way: Way): ReadonlyArray<number> => {
    const group = below(groupCount)
    switch (way) {
      case "one":
        return [...some(invalidated, 1)]
      case "batch":
        return [...some(invalidated, 4)]
      case "pattern":
        return itemsOf(group).filter((item) => !isUpdated(item))
      case "group":
        return [rowOf(group)]
      case "mixed":
        return [...some(invalidated, 1), rowOf(group)]
      case "update":
        return [...some(updated, 1)]
      case "updateMany":
        // Of neighbours: a snapshot reads some of them together.
        return [group, (group + 1) % groupCount].flatMap(itemsOf).filter(isUpdated)
    }
  }

  /** What came of an update of this number. */
  const outcomeOf = (update: number, written: ReadonlyArray<Domain.Written>): Announced => {
    const made = written.find((one) => one._tag === "Updated")
    // What is superseded or unchanged was announced, at the latest, up to where this process is now.
    return made === undefined ? nothingWritten(view.position) : { position: made.position, update }
  }

  const invalidate = (rows: ReadonlyArray<number>) => {
    const cascade = chance(0.5)
    return Effect.map(
      manager.invalidate(
        rows.map((row) => ({ primary: row < itemCount ? items.key(row) : groups.key(row - itemCount), cascade }))
      ),
      nothingWritten
    )
  }

  // What an update writes is either told apart from all else, or the same as what is loaded.
  const number = (): number => (chance(0.5) ? life * mostUpdates + ++updates : 0)

  /** Has the cache invalidate or update what was changed; answers the position from which on it is. */
  const announce = (
    way: Way,
    rows: ReadonlyArray<number>,
    version: number,
    since: number
  ): Effect.Effect<Announced, CacheError> => {
    const [row = 0] = rows
    const update = number()
    const options = { revision: revisionOf(version), since }
    switch (way) {
      case "one":
      case "batch":
        return Effect.map(items.invalidate(rows, { cascade: chance(0.5) }), nothingWritten)
      case "pattern":
        return Effect.map(manager.invalidate({ primary: Tag.any("item", "batch", `${groupOf(row)}`) }), nothingWritten)
      case "group":
        return Effect.map(groups.invalidate([row - itemCount]), nothingWritten)
      case "mixed":
        return invalidate(rows)
      case "update":
        return Effect.map(items.update(row, { seen: [row, version], update }, options), (written) =>
          outcomeOf(update, [written])
        )
      case "updateMany":
        return Effect.map(
          items.updateMany(
            rows.map((id) => ({ id, value: Option.some({ seen: [id, version], update }) })),
            options
          ),
          (written) => outcomeOf(update, written)
        )
    }
  }

  /** Announces rows by what they are now: what others wrote meanwhile may be newer. */
  const announceAsIs = Effect.fnUntraced(function* (rows: ReadonlyArray<number>) {
    const since = yield* manager.position
    const versions = yield* source.read(rows)
    const update = number()
    const pairs = Arr.zip(rows, versions)
    const toInvalidate = rows.filter((row) => !isUpdated(row))
    const invalidated = toInvalidate.length === 0 ? undefined : yield* invalidate(toInvalidate)
    const changes = yield* Effect.forEach(
      pairs.filter(([row]) => isUpdated(row)),
      ([id, version]) =>
        items.changes([{ id, value: Option.some({ seen: [id, version], update }) }], {
          revision: revisionOf(version),
          since
        })
    )
    const announced = outcomeOf(update, (yield* manager.commit(changes.flat())).written)
    return { ...announced, position: Math.max(invalidated?.position ?? 0, announced.position), seen: pairs.flat() }
  })

  const acknowledge = Effect.fnUntraced(function* <E>(
    announcement: Effect.Effect<Announced & { readonly seen: Seen }, E>,
    rows: ReadonlyArray<number>
  ) {
    const startedAt = now()
    const announced = yield* announcement.pipe(
      Effect.catch(() => Effect.retry(Effect.delay(announceAsIs(rows), "50 millis"), again)),
      Effect.orDie
    )
    line.say({ _tag: "Acknowledged", startedAt, at: now(), ...announced })
    for (const row of rows) readers.readOwn(row)
  })

  const write = Effect.gen(function* () {
    const way = ways[below(ways.length)] ?? "one"
    const rows = rowsOf(way)
    const since = yield* manager.position
    const version = yield* source.change(rows)
    const seen = rows.flatMap((row) => [row, version])
    yield* acknowledge(
      Effect.map(announce(way, rows, version, since), (announced) => ({ ...announced, seen })),
      rows
    )
  })

  if (writesPerSecond > 0) {
    yield* Effect.gen(function* () {
      while (true) {
        yield* Effect.sleep((2_000 * random.nextDoubleUnsafe()) / writesPerSecond)
        if (isCalm || inFlight >= mostInFlight) continue
        inFlight++
        run(
          Effect.ensuring(
            write,
            Effect.sync(() => {
              inFlight--
            })
          )
        )
      }
    }).pipe(Effect.forkScoped)
  }

  const writers: Writers = {
    setCalm: (next) => {
      isCalm = next
    },
    announce: (rows) => acknowledge(announceAsIs(rows), rows)
  }
  return writers
})
