/**
 * The reads of a process under test: begun at a steady rate, whether or not those before have ended, and told in batches.
 */
import { type CacheError, CacheManager, type Domain, LiveView } from "@letletme/cache"
import { Cause, Effect, Exit, FiberSet, Random } from "effect"
import { Line } from "./Line.ts"
import { type Assignment, type Kind, kinds, outcomes } from "./Messages.ts"
import {
  allSeen,
  Boards,
  boardCount,
  groupCount,
  Groups,
  groupOf,
  type Item,
  itemCount,
  Items,
  itemsOf,
  rowCount,
  type Seen,
  seenOf
} from "./Model.ts"
import type { SourceFailed } from "./Source.ts"

// Of a thousand reads. "own write" is asked for by the writer.
const shares: ReadonlyArray<readonly [Kind, number]> = [
  ["default", 720],
  ["many", 100],
  ["bounded", 30],
  ["past near", 30],
  ["strong", 40],
  ["after", 30],
  ["snapshot", 30],
  ["lenient", 18],
  ["anew", 2]
]

// Reads that began in one tick (ms) began together.
const tick = 10
// What was not begun for longer (µs), since the process stood still or had no time, is not made up for.
const longestStep = 50_000
// Batches are told every so many ticks.
const ticksPerBatch = 3
// Beyond so many a read waits its turn, as it would for a place in a pool: it is counted as held back.
const mostInFlight = 64

type Failure = CacheError | SourceFailed
type Value = Item | { readonly seen: Seen }

const outcomeOf = (
  cause: Cause.Cause<{ readonly _tag: string; readonly reason?: { readonly _tag: string } }>
): number => {
  const [reason] = cause.reasons
  const tag =
    reason !== undefined && Cause.isFailReason(reason) ? (reason.error.reason?._tag ?? reason.error._tag) : "other"
  const index = outcomes.findIndex((outcome) => outcome === tag)
  return index === -1 ? outcomes.length - 1 : index
}

export interface Readers {
  /** Reads a key that this process has just written. */
  readonly readOwn: (key: number) => void
  /** Whether no read is to load what is cached. */
  readonly setCalm: (isCalm: boolean) => void
  /** A position that was acknowledged to anybody. */
  readonly setNewest: (position: number) => void
}

/** Reads until the scope ends. */
export const start = Effect.fnUntraced(function* (
  { readTimeout, readsPerSecond }: Pick<Assignment, "readTimeout" | "readsPerSecond">,
  now: () => number
) {
  const line = yield* Line
  const manager = yield* CacheManager
  const { view } = yield* LiveView
  const items = yield* Items
  const groups = yield* Groups
  const boards = yield* Boards
  const random = yield* Random.Random
  const run = yield* FiberSet.makeRuntime()
  const below = (bound: number): number => Math.floor(random.nextDoubleUnsafe() * bound)
  const timeout = readTimeout

  let isCalm = false
  let newest = 0
  let keepsUp = true
  let heldBack = 0
  let numbers: Array<number> = []
  const underWay = new Map<number, number>()
  let lastRead = 0

  const get = (key: number, options?: Domain.ReadOptions): Effect.Effect<Value, Failure> =>
    key < itemCount
      ? items.get(key, options)
      : key < rowCount
        ? groups.get(key - itemCount, options)
        : boards.get(key - rowCount, options)

  const getItems = (group: number) => Effect.map(items.getMany(itemsOf(group), { timeout }), allSeen)

  /** Reads, and answers what was seen. `position` is told where it is not that of the read's beginning. */
  const perform = (kind: Kind, key: number, after: number, position: (at: number) => void) => {
    switch (kind) {
      case "default":
      case "own write":
        return Effect.map(get(key), seenOf)
      case "bounded":
        return Effect.map(get(key, { timeout }), seenOf)
      case "many":
        return getItems(key % groupCount)
      case "past near":
        return Effect.map(get(key, { skip: "near", timeout }), seenOf)
      case "strong":
        return Effect.map(get(key, { consistency: "strong", timeout }), seenOf)
      case "after":
        return Effect.map(get(key, { after, timeout }), seenOf)
      case "lenient":
        return Effect.map(
          get(key, { staleWhileRevalidate: "invalidated", staleIfUnavailable: "invalidated", timeout }),
          seenOf
        )
      case "anew":
        return Effect.map(get(key, { skip: "all", timeout }), seenOf)
      case "snapshot": {
        const group = groupOf(key % itemCount)
        const last = below(2) === 0 ? itemCount + group : rowCount + (group % boardCount)
        return Effect.timeoutOrElse(
          manager.snapshot(
            Effect.gen(function* () {
              const one = yield* get(key % itemCount)
              const many = yield* getItems(below(2) === 0 ? group : (group + 1) % groupCount)
              position(view.position)
              return [...seenOf(one), ...many, ...seenOf(yield* get(last))]
            })
          ),
          { duration: timeout, orElse: () => Effect.fail({ _tag: "Timeout" }) }
        )
      }
    }
  }

  const read = (kind: Kind, key: number): void => {
    const id = ++lastRead
    const after = kind === "after" ? newest : 0
    let position = view.position
    const startedAt = now()
    underWay.set(id, startedAt)
    const fiber = run(
      perform(kind, key, after, (at) => {
        position = at
      })
    )
    fiber.addObserver((exit) => {
      underWay.delete(id)
      const took = now() - startedAt
      const seen = Exit.isSuccess(exit) ? exit.value : []
      const outcome = Exit.isSuccess(exit) ? 0 : outcomeOf(exit.cause)
      numbers.push(kinds.indexOf(kind), key, startedAt, took, position, after, outcome, seen.length, ...seen)
      if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {
        line.say({ _tag: "Defect", text: `${kind} of ${key} (${id}): ${Cause.pretty(exit.cause)}` })
      }
    })
  }

  const choose = (): Kind => {
    let left = below(1_000)
    for (const [kind, share] of shares) {
      left -= share
      if (left < 0) return kind === "anew" && isCalm ? "default" : kind
    }
    return "default"
  }

  // Items are read more often than what is made from many of them.
  const chooseKey = (): number => {
    const dice = below(100)
    return dice < 85 ? below(itemCount) : dice < 97 ? itemCount + below(groupCount) : rowCount + below(boardCount)
  }

  const tell = (): void => {
    const told = numbers
    numbers = []
    const [oldest = -1] = underWay.values()
    keepsUp = line.say({ _tag: "Reads", clock: now(), numbers: told, oldest, heldBack })
  }

  yield* Effect.gen(function* () {
    let due = 0
    let before = now()
    for (let round = 1; ; round++) {
      const at = now()
      due += (readsPerSecond * Math.min(at - before, longestStep)) / 1e6
      before = at
      while (due >= 1) {
        due--
        if (keepsUp && underWay.size < mostInFlight) read(choose(), chooseKey())
        else heldBack++
      }
      if (round % ticksPerBatch === 0) tell()
      yield* Effect.sleep(tick)
    }
  }).pipe(Effect.forkScoped)

  const readers: Readers = {
    readOwn: (key) => read("own write", key),
    setCalm: (next) => {
      isCalm = next
    },
    setNewest: (position) => {
      newest = Math.max(newest, position)
    }
  }
  return readers
})
