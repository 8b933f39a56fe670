/**
 * Where entries are kept beyond the process: bytes by key, with leases.
 */
import { Clock, Context, Effect, Layer, Stream } from "effect"
import type { CacheError } from "./CacheError.ts"
import { compareRevisions, type Revision } from "./Entry.ts"
import type { Position } from "./Position.ts"

/** An entry to write under a stamp that is already known: a fill. */
export interface Fill {
  readonly key: string
  readonly stamp: Position
  readonly revision: Revision
  /** The sealed bytes. */
  readonly bytes: Uint8Array
  /** For how long the store keeps it (ms). */
  readonly timeToLive: number
  /** What is held was found unreadable: replace it whatever it claims of itself. */
  readonly overwrite: boolean
  /** Refused unless this leadership still lasts: see `Fence`. */
  readonly fence?: Position | undefined
}

/**
 * The store. `CacheStore.layerMemory` keeps entries in the process; `RedisStore.layer` in Redis.
 *
 * A fill is refused, not stored, where the store holds a newer revision or a higher stamp: a late writer never replaces
 * what came after it.
 *
 * What the store does not answer is a `CacheError` with the reason `StoreFailed`.
 */
export class CacheStore extends Context.Service<
  CacheStore,
  {
    /** Names the server that has a key, where there are several. What one does not answer, the others may. */
    readonly homeOf?: (key: string) => string
    /** Tells the store who may write under a fence, and until when (epoch ms), where it cannot read it itself. */
    readonly admit?: (fence: Position | undefined, until: number) => void
    /** The bytes under each key, `undefined` where there are none, in the order of the keys. */
    readonly getMany: (keys: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<Uint8Array | undefined>, CacheError>
    /** Writes the fills; answers for each whether it was stored. */
    readonly fill: (fills: ReadonlyArray<Fill>) => Effect.Effect<ReadonlyArray<boolean>, CacheError>
    /** Deletes keys. Invalidation does not need it: it is for cleaning up. */
    readonly remove: (keys: ReadonlyArray<string>) => Effect.Effect<void, CacheError>
    /** Deletes each key that still holds these bytes, and leaves one that holds others; answers which were deleted. */
    readonly discard: (
      held: ReadonlyArray<{ readonly key: string; readonly bytes: Uint8Array }>
    ) => Effect.Effect<ReadonlyArray<boolean>, CacheError>
    /** All keys that start with the prefix, in chunks, in no order; one may come twice. */
    readonly scan: (prefix: string) => Stream.Stream<ReadonlyArray<string>, CacheError>
    /**
     * Takes each lease for a load. Answers `undefined` where it was taken, or what its present holder wrote. `from` takes it
     * from that holder, whose load is known to be overtaken; another one keeps it.
     */
    readonly lease: (
      leases: ReadonlyArray<{ readonly key: string; readonly holder: string; readonly from?: string | undefined }>,
      timeToLive: number
    ) => Effect.Effect<ReadonlyArray<string | undefined>, CacheError>
    /** Gives leases back; one that has passed to another holder stays. */
    readonly release: (
      leases: ReadonlyArray<{ readonly key: string; readonly holder: string }>
    ) => Effect.Effect<void, CacheError>
  }
>()("@letletme/cache/CacheStore") {
  /** Entries in the process's memory, unbounded but for their time to live: for tests, demos and the embedded default. */
  static readonly layerMemory: Layer.Layer<CacheStore> = Layer.effect(
    this,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const entries = new Map<string, Fill & { readonly expiresAt: number }>()
      const leases = new Map<string, { readonly holder: string; readonly expiresAt: number }>()

      let admitted: { readonly fence: Position | undefined; readonly until: number } = { fence: undefined, until: 0 }

      const isFenced = ({ fence }: Fill): boolean =>
        fence !== undefined && (fence !== admitted.fence || clock.currentTimeMillisUnsafe() > admitted.until)

      const live = <A extends { readonly expiresAt: number }>(map: Map<string, A>, key: string): A | undefined => {
        const found = map.get(key)
        if (found === undefined || found.expiresAt > clock.currentTimeMillisUnsafe()) return found
        map.delete(key)
        return undefined
      }

      return CacheStore.of({
        admit: (fence, until) => {
          admitted = { fence, until }
        },
        getMany: (keys) => Effect.sync(() => keys.map((key) => live(entries, key)?.bytes)),
        fill: (fills) =>
          Effect.sync(() =>
            fills.map((fill) => {
              if (isFenced(fill)) return false
              const held = live(entries, fill.key)
              if (!fill.overwrite && held !== undefined && isNewer(held, fill)) return false
              entries.set(fill.key, { ...fill, expiresAt: clock.currentTimeMillisUnsafe() + fill.timeToLive })
              return true
            })
          ),
        remove: (keys) =>
          Effect.sync(() => {
            for (const key of keys) entries.delete(key)
          }),
        discard: (held) =>
          Effect.sync(() =>
            held.map(({ key, bytes }) => {
              const found = live(entries, key)
              return found !== undefined && Buffer.compare(found.bytes, bytes) === 0 && entries.delete(key)
            })
          ),
        scan: (prefix) =>
          Stream.suspend(() =>
            Stream.succeed(
              [...entries.keys()].filter((key) => key.startsWith(prefix) && live(entries, key) !== undefined)
            )
          ),
        lease: (wanted, timeToLive) =>
          Effect.sync(() =>
            wanted.map(({ key, holder, from }) => {
              const held = live(leases, key)
              if (held !== undefined && held.holder !== from) return held.holder
              leases.set(key, { holder, expiresAt: clock.currentTimeMillisUnsafe() + timeToLive })
              return undefined
            })
          ),
        release: (held) =>
          Effect.sync(() => {
            for (const { key, holder } of held) if (leases.get(key)?.holder === holder) leases.delete(key)
          })
      })
    })
  )
}

/**
 * Whether what is held must not be replaced: its revision is newer, or it is as new and was loaded later. Where the
 * incoming entry states no revision, the stamps decide.
 */
export const isNewer = (
  held: { readonly revision: Revision; readonly stamp: Position },
  incoming: { readonly revision: Revision; readonly stamp: Position }
): boolean => {
  const order = incoming.revision.time === 0 ? 0 : compareRevisions(held.revision, incoming.revision)
  return order > 0 || (order === 0 && held.stamp > incoming.stamp)
}
