/**
 * Backup and restore of a namespace's entries, to and from a file.
 */
import { Clock, Context, Effect, FileSystem, Layer, Option, Result, Semaphore, Stream, SubscriptionRef } from "effect"
import type { BackupError } from "./BackupError.ts"
import * as CacheConfig from "./CacheConfig.ts"
import type { CacheError } from "./CacheError.ts"
import { CacheManager } from "./CacheManager.ts"
import { CacheStore, type Fill } from "./CacheStore.ts"
import * as Entry from "./Entry.ts"
import { Fence } from "./Fence.ts"
import { Integrity, type Repair } from "./Integrity.ts"
import * as BackupFile from "./internal/backupFile.ts"
import * as Namespace from "./internal/namespace.ts"
import { LiveView } from "./LiveView.ts"
import * as Tag from "./Tag.ts"
import { idle, type Progress } from "./Warmer.ts"

/** What was written. */
export interface Written {
  readonly file: string
  readonly entries: number
  /** Keys of the namespace that are no readable entry, and are not in the file. */
  readonly skipped: number
  /** The file's size. */
  readonly bytes: number
  readonly millis: number
}

/** What came of a restore. */
export interface Restored {
  readonly file: string
  /** How many entries the file holds. */
  readonly entries: number
  /** How many of them were put into the store, to be verified. */
  readonly restored: number
  /** How many were left out because the store holds what is newer. */
  readonly held: number
  /** How many were left out because their time is over. */
  readonly expired: number
  /** The verification that followed: only what it found right is fresh. */
  readonly repair: Repair
  readonly millis: number
}

// Entries in one round trip.
const batch = 200

/** The key in the name that an entry has in a file: `{key}@{fingerprint}`. */
const keyIn = (name: string): Option.Option<Tag.Tag> => {
  const end = name.lastIndexOf("@")
  return end === -1 ? Option.none() : Result.getSuccess(Tag.parse(name.slice(0, end)))
}

const unsealed = (name: string, bytes: Uint8Array): Option.Option<Entry.Sealed> =>
  Option.flatMap(keyIn(name), (key) => Result.getSuccess(Entry.unseal(key, bytes)))

/**
 * Backup and restore. The format, and why nothing that was invalidated comes back as fresh, is in `docs/backup.md`.
 *
 * A file that cannot be written, or is no whole backup of this version, fails with `BackupError`, and nothing was
 * restored; what the store, the log or the source refuses, with `CacheError`.
 *
 * @example
 * ```ts
 * import { Backup } from "@letletme/cache"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const backup = yield* Backup
 *   yield* backup.write("season.llc")
 *   const { repair } = yield* backup.restore("season.llc")
 *   return repair.second.isClean
 * })
 * ```
 */
export class Backup extends Context.Service<
  Backup,
  {
    /** Writes every entry of the namespace to a file; an existing one is replaced once the new one is whole. */
    readonly write: (file: string) => Effect.Effect<Written, BackupError | CacheError>
    /**
     * Checks the file whole, puts its entries into the store as stale ones, and repairs: what the source confirms is
     * stamped anew. The store keeps what is newer.
     */
    readonly restore: (file: string) => Effect.Effect<Restored, BackupError | CacheError>
    /** How far the present run has come; the repair after a restore tells by `Integrity.progress`. */
    readonly progress: Stream.Stream<Progress>
  }
>()("@letletme/cache/Backup") {
  static readonly layer: Layer.Layer<
    Backup,
    never,
    CacheManager | CacheStore | LiveView | Integrity | FileSystem.FileSystem
  > = Layer.effect(
    this,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const files = yield* FileSystem.FileSystem
      const integrity = yield* Integrity
      const live = yield* LiveView
      const manager = yield* CacheManager
      const store = yield* CacheStore
      const { namespace } = yield* CacheConfig.Settings
      const prefix = Namespace.prefix(namespace)
      const progress = yield* SubscriptionRef.make(idle)
      const single = yield* Semaphore.make(1)

      const begin = (stage: string, total: number) => SubscriptionRef.set(progress, { stage, done: 0, total })
      const advance = (by: number) =>
        SubscriptionRef.update(progress, (at) => ({ ...at, done: Math.min(at.done + by, at.total) }))

      /** Runs alone, and tells when it is done. */
      const alone = <A, E>(effect: Effect.Effect<A, E>) =>
        single.withPermit(Effect.ensuring(effect, SubscriptionRef.set(progress, idle)))

      const names = Stream.map(store.scan(prefix), (page) =>
        page.filter((name) => !name.startsWith(Namespace.leasePrefix(namespace)))
      )

      const write = Effect.fn("Backup.write")(function* (file: string) {
        const startedAt = clock.currentTimeMillisUnsafe()
        yield* live.catchUp
        yield* begin(
          "entries",
          yield* Stream.runFold(
            names,
            () => 0,
            (count, page) => count + page.length
          )
        )
        let skipped = 0
        const entries = names.pipe(
          Stream.flattenIterable,
          Stream.grouped(batch),
          Stream.mapEffect((some) => Effect.map(store.getMany(some), (found) => ({ some, found }))),
          Stream.tap(({ some }) => advance(some.length)),
          Stream.map(({ found, some }) =>
            some.flatMap((stored, index) => {
              const name = stored.slice(prefix.length)
              const bytes = found[index]
              if (
                bytes !== undefined &&
                bytes.length <= BackupFile.entryLimit &&
                Option.isSome(unsealed(name, bytes))
              ) {
                return [{ name, bytes }]
              }
              skipped++
              return []
            })
          )
        )
        const header = { namespace, position: live.view.position, createdAt: startedAt }
        const written = yield* Effect.provideService(
          BackupFile.write(file, header, entries),
          FileSystem.FileSystem,
          files
        )
        return { file, ...written, skipped, millis: clock.currentTimeMillisUnsafe() - startedAt }
      })

      const restore = Effect.fn("Backup.restore")(function* (file: string) {
        const startedAt = clock.currentTimeMillisUnsafe()
        const read = Stream.provideService(BackupFile.read(file), FileSystem.FileSystem, files)
        // Nothing is written from a file that is not whole.
        const total = yield* Stream.runFold(
          read,
          () => 0,
          (count, entries) => count + entries.length
        )
        yield* live.catchUp
        // An entry is put back under the stamp 0. Only a log in memory has a floor that is not above it.
        if (live.view.floor === 0) {
          const domains = yield* manager.domains
          yield* manager.invalidate(
            domains.map((domain) => ({ primary: Tag.any(domain) })),
            { cause: "restore" }
          )
        }
        yield* begin("entries", total)
        const fence = yield* Fence
        let [restored, held, expired] = [0, 0, 0]
        yield* Stream.runForEach(read, (entries) => {
          const now = clock.currentTimeMillisUnsafe()
          const whole = entries.flatMap(({ bytes, name }) =>
            Option.toArray(Option.map(unsealed(name, bytes), (entry) => ({ name, entry })))
          )
          const fills = whole.flatMap(({ entry, name }): ReadonlyArray<Fill> => {
            const timeToLive = entry.expiresAt - now
            if (timeToLive <= 0) return []
            // What it says of its place among writers was said to another log.
            const body = Entry.body({ ...entry, revision: Entry.noRevision, announced: false }, entry.payload)
            const bytes = Entry.seal(0, body)
            const key = `${prefix}${name}`
            return [{ key, stamp: 0, revision: Entry.noRevision, bytes, timeToLive, overwrite: false, fence }]
          })
          expired += whole.length - fills.length
          return Effect.gen(function* () {
            const stored = fills.length === 0 ? [] : yield* store.fill(fills)
            const accepted = stored.filter((one) => one).length
            restored += accepted
            held += fills.length - accepted
            yield* advance(entries.length)
          })
        })
        yield* SubscriptionRef.set(progress, idle)
        const repair = yield* integrity.repair
        return {
          file,
          entries: total,
          restored,
          held,
          expired,
          repair,
          millis: clock.currentTimeMillisUnsafe() - startedAt
        }
      })

      return Backup.of({
        write: (file) => alone(write(file)),
        restore: (file) => alone(restore(file)),
        progress: SubscriptionRef.changes(progress)
      })
    })
  )
}
