/**
 * The replicated invalidation log: one order of all invalidations of a namespace.
 *
 * The log holds the table (head, floor, and the last position per tag) and the entries since, as long as they are kept.
 * An append is atomic with the writes that go with it.
 */
import { Clock, Context, Deferred, Effect, Layer, Semaphore } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import { CacheError, Fenced } from "./CacheError.ts"
import { CacheStore } from "./CacheStore.ts"
import { compareRevisions, type Revision, seal } from "./Entry.ts"
import type { Position } from "./Position.ts"
import type { Tag } from "./Tag.ts"
import * as View from "./View.ts"

/** An entry to write with an append: it is sealed with the position that the append gets. */
export interface Write {
  readonly key: string
  /**
   * The position of the view when the write was prepared. If the log began anew since, or forgot what is older, the
   * order of writers is not known any more, and the write is refused.
   */
  readonly preparedAt: Position
  readonly revision: Revision
  /** Everything but the stamp: see `Entry.body`. */
  readonly body: Uint8Array
  /** For how long the store keeps it (ms). */
  readonly timeToLive: number
}

/** What to append. */
export interface Append {
  readonly tags: ReadonlyArray<Tag>
  readonly cause: string
  readonly writes: ReadonlyArray<Write>
  /** The appender's view: the answer holds the entries after it. */
  readonly from: Position
  /**
   * Names the append, so that it is done once: repeated under this name it changes nothing, and answers the position of
   * the first time. The name is remembered until the floor rises over that.
   */
  readonly once?: string | undefined
  /** Refused with the reason `Fenced` unless this leadership still lasts: see `Fence`. */
  readonly fence?: Position | undefined
  /** The highest position that the appender has heard of, where that is not `from`. */
  readonly seen?: Position | undefined
  /** The trace that the append belongs to, for those who hear of it: see `TraceContext`. */
  readonly trace?: string | undefined
}

/** Who wants to lead. */
export interface Candidacy {
  /** Names the candidate; no two have the same name. */
  readonly holder: string
  /** For how long the lease lasts from now on (ms). */
  readonly lease: number
  /** The fence of the leadership to go on with; `undefined` to begin one. */
  readonly fence: Position | undefined
}

/** Who leads. */
export interface Lease {
  readonly holder: string
  /** The position at which this leadership began: higher than that of every one before it. */
  readonly fence: Position
  /** How much of it is left (ms). */
  readonly left: number
}

/** What the log answers to a question after a position. */
export interface Progress {
  /** The last position given out. */
  readonly head: Position
  readonly floor: Position
  /** The entries after the position asked for, oldest first; those that are no longer kept are missing. */
  readonly entries: ReadonlyArray<View.LogEntry>
}

/** What the log answers to an append. */
export interface Appended extends Progress {
  /** The append's own position, or the head where nothing was appended. */
  readonly position: Position
  /** Which writes were refused: a newer revision is known, or may have been forgotten. */
  readonly refused: ReadonlySet<string>
}

/**
 * The log. `InvalidationLog.layerMemory` keeps it in the process; `RedisLog.layer` in Redis.
 *
 * A log that does not answer fails with a `CacheError` of the reason `StoreFailed`: whether an append was made is then
 * not known, and it is to be made again. What is written under a fence that is over fails with the reason `Fenced`.
 */
export class InvalidationLog extends Context.Service<
  InvalidationLog,
  {
    /**
     * Whether the log is in another process. A view of a remote log needs heartbeats to be trusted; a view of a local
     * one hears of every entry as it is appended.
     */
    readonly isRemote: boolean
    /**
     * Appends the tags and writes the entries, all or nothing; without tags it only remembers the revisions. A write that is older than
     * what was announced of its key, or than what the store holds, is refused; its tags are appended all the same.
     */
    readonly append: (append: Append) => Effect.Effect<Appended, CacheError>
    /**
     * Asks for the head and the entries after a position. It also detects a server that lost state: its head is below
     * what was `seen` (default: `from`).
     */
    readonly sync: (from: Position, seen?: Position) => Effect.Effect<Progress, CacheError>
    /** Waits for entries after a position; answers none after a bounded time. */
    readonly follow: (from: Position) => Effect.Effect<ReadonlyArray<View.LogEntry>, CacheError>
    /** The whole table. */
    readonly snapshot: Effect.Effect<View.Snapshot, CacheError>
    /** The entry at a position, for explanations; `undefined` once it is trimmed. */
    readonly at: (position: Position) => Effect.Effect<View.LogEntry | undefined, CacheError>
    /** Raises the floor, forgets the marks at or below it, and tells every view. */
    readonly compact: (floor: Position) => Effect.Effect<void, CacheError>
    /**
     * Takes the lease where nobody holds it, or goes on with one's own; answers who holds it now. One that ran out is
     * not gone on with: it begins anew, at a higher position.
     */
    readonly lead: (candidacy: Candidacy) => Effect.Effect<Lease, CacheError>
    /** Gives the lease back, if it still is the one that began at this position. */
    readonly resign: (fence: Position) => Effect.Effect<void, CacheError>
  }
>()("@letletme/cache/InvalidationLog") {
  /** A log in the process's memory, over the store in context. Caches built over one such layer share it. */
  static readonly layerMemory: Layer.Layer<InvalidationLog, never, CacheStore> = Layer.effect(
    this,
    Effect.gen(function* () {
      const store = yield* CacheStore
      const config = yield* CacheConfig.Settings
      const clock = yield* Clock.Clock
      const table = View.make()
      let leader: { readonly holder: string; readonly fence: Position; readonly until: number } | undefined
      let entries: Array<View.LogEntry> = []
      // The newest revision that was announced of each key, whatever the store holds.
      const announced = new Map<string, { readonly revision: Revision; readonly position: Position }>()
      const doneOnce = new Map<string, Position>()
      let appended = Deferred.makeUnsafe<void>()
      // A fiber may be paused between its write and its entry: one append at a time keeps the two together.
      const single = yield* Semaphore.make(1)

      const after = (from: Position): Progress => ({
        head: table.position,
        floor: table.floor,
        entries: entries.filter((entry) => entry.position > from)
      })

      const push = (entry: Omit<View.LogEntry, "position" | "by">): Position => {
        const position = table.position + 1
        const whole = { ...entry, position, by: config.process }
        table.apply([whole])
        entries.push(whole)
        // Trimmed in strides, as Redis does: cutting one entry per append would copy the log each time.
        if (entries.length > config.logLength * 1.1) entries = entries.slice(-config.logLength)
        Deferred.doneUnsafe(appended, Effect.void)
        appended = Deferred.makeUnsafe<void>()
        return position
      }

      const present = () =>
        leader !== undefined && leader.until >= clock.currentTimeMillisUnsafe() ? leader : undefined
      const appoint = (next: typeof leader) => {
        leader = next
        store.admit?.(next?.fence, next?.until ?? 0)
      }

      return InvalidationLog.of({
        isRemote: false,
        append: Effect.fnUntraced(
          function* ({ tags, cause, writes, from, once, fence, trace }: Append) {
            if (fence !== undefined && present()?.fence !== fence) {
              return yield* new CacheError({ reason: new Fenced({ fence }) })
            }
            const done = once === undefined ? undefined : doneOnce.get(once)
            if (done !== undefined) return { ...after(from), position: done, refused: new Set<string>() }
            const position = table.position + (tags.length === 0 ? 0 : 1)
            if (once !== undefined) doneOnce.set(once, position)
            const inOrder = writes.filter(({ key, preparedAt, revision }) => {
              if (revision.time === 0) return true
              const known = announced.get(key)
              if (known !== undefined && compareRevisions(known.revision, revision) > 0) return false
              announced.set(key, { revision, position })
              return preparedAt >= table.floor
            })
            const isInOrder = new Set(inOrder)
            if (tags.length === 0) {
              const refused = new Set(writes.filter((write) => !isInOrder.has(write)).map(({ key }) => key))
              return { ...after(from), position, refused }
            }
            const stored = yield* store.fill(
              inOrder.map(({ key, revision, body, timeToLive }) => ({
                key,
                revision,
                timeToLive,
                overwrite: false,
                stamp: position,
                bytes: seal(position, body)
              }))
            )
            const accepted = new Set(inOrder.filter((_, index) => stored[index] === true))
            const refused = new Set(writes.filter((write) => !accepted.has(write)).map(({ key }) => key))
            push({ tags, cause, floor: undefined, ...(trace === undefined ? {} : { trace }) })
            return { ...after(from), position: table.position, refused }
          },
          single.withPermit,
          Effect.uninterruptible
        ),
        sync: (from) => Effect.sync(() => after(from)),
        follow: (from) =>
          Effect.suspend(() =>
            table.position > from ? Effect.succeed(after(from).entries) : Effect.as(Deferred.await(appended), [])
          ),
        snapshot: Effect.sync(() => ({ position: table.position, floor: table.floor, marks: [...table.marks()] })),
        at: (position) => Effect.sync(() => entries.find((entry) => entry.position === position)),
        lead: ({ fence, holder, lease }) =>
          Effect.sync(() => {
            const now = clock.currentTimeMillisUnsafe()
            const held = present()
            if (held !== undefined && held.holder !== holder) return { ...held, left: held.until - now }
            const position =
              held !== undefined && held.fence === fence
                ? held.fence
                : push({ tags: [], cause: `lead ${holder}`, floor: undefined })
            appoint({ holder, fence: position, until: now + lease })
            return { holder, fence: position, left: lease }
          }),
        resign: (fence) =>
          Effect.sync(() => {
            if (leader?.fence === fence) appoint(undefined)
          }),
        compact: (floor) =>
          Effect.sync(() => {
            if (floor <= table.floor || floor > table.position) return
            push({ tags: [], cause: "compaction", floor })
            for (const [key, { position }] of announced) if (position <= floor) announced.delete(key)
            for (const [name, position] of doneOnce) if (position <= floor) doneOnce.delete(name)
          })
      })
    })
  )
}
