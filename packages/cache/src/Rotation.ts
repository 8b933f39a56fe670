/**
 * Encrypts everything anew that the store holds under an older key, while the cache is in use.
 */
import { Clock, Effect, Result, Stream } from "effect"
import * as CacheConfig from "./CacheConfig.ts"
import type { CacheError } from "./CacheError.ts"
import { CacheStore, type Fill } from "./CacheStore.ts"
import { Cipher } from "./Cipher.ts"
import * as Entry from "./Entry.ts"
import { leasePrefix, prefix } from "./internal/namespace.ts"
import * as Tag from "./Tag.ts"

/** How far a rotation has come. */
export interface Progress {
  /** Entries looked at. */
  readonly seen: number
  /** Those that were under the writing key already. */
  readonly current: number
  /** Those that were encrypted anew. */
  readonly renewed: number
  /** Those that could not be read (not encrypted, altered, or under a key that the ring does not have), now deleted. */
  readonly removed: number
  /** Those that something newer replaced in the meantime. */
  readonly overtaken: number
}

type Verdict =
  | { readonly _tag: "Current" }
  | { readonly _tag: "Remove" }
  | { readonly _tag: "Renew"; readonly fill: Fill }

// So many entries are in memory at once.
const batch = 128

/** Nothing was looked at. */
export const start: Progress = { seen: 0, current: 0, renewed: 0, removed: 0, overtaken: 0 }

/**
 * Goes through the entries of the namespace, and tells how far it has come after each chunk; the last one is the whole.
 * Header and stamp stay as they are, and what was replaced meanwhile is left alone, so reads and writes go on.
 *
 * What cannot be read is deleted: it would be loaded anew by its next reader, and must not stay in plain text until
 * then. While some process still writes with the older key, run it again: it is done when `renewed` and `removed` are
 * 0. Fails with `CacheError` where the store does not answer; run it again.
 */
export const rotate: Stream.Stream<Progress, CacheError, CacheStore | Cipher> = Stream.unwrap(
  Effect.gen(function* () {
    const store = yield* CacheStore
    const cipher = yield* Cipher
    const { namespace } = yield* CacheConfig.Settings
    const clock = yield* Clock.Clock
    const from = prefix(namespace)

    const judge = (storeKey: string, bytes: Uint8Array): Verdict => {
      const remove: Verdict = { _tag: "Remove" }
      const key = Tag.parse(storeKey.slice(from.length, storeKey.lastIndexOf("@")))
      if (Result.isFailure(key)) return remove
      const opened = Entry.unseal(key.success, bytes)
      if (Result.isFailure(opened)) return remove
      const { payload, stamp, ...header } = opened.success
      const bound = { storeKey, stamp, announced: header.announced, header: Entry.described(bytes) }
      if (cipher.keyOf(payload) === cipher.current()) return { _tag: "Current" }
      const plain = cipher.open(payload, bound)
      if (Result.isFailure(plain)) return remove
      const fill = {
        key: storeKey,
        stamp,
        revision: header.revision,
        bytes: Entry.seal(stamp, Entry.body(header, cipher.seal(plain.success, bound))),
        timeToLive: Math.max(1, header.expiresAt - clock.currentTimeMillisUnsafe()),
        overwrite: false
      }
      return { _tag: "Renew", fill }
    }

    return store.scan(from).pipe(
      Stream.flatMap((keys) => Stream.fromIterable(keys)),
      Stream.filter((key) => !key.startsWith(leasePrefix(namespace))),
      Stream.grouped(batch),
      Stream.mapEffect(
        Effect.fnUntraced(function* (keys) {
          const found = yield* store.getMany(keys)
          const fills: Array<Fill> = []
          const removed: Array<string> = []
          let seen = 0
          let current = 0
          for (const [index, key] of keys.entries()) {
            const bytes = found[index]
            if (bytes === undefined) continue
            seen++
            const verdict = judge(key, bytes)
            if (verdict._tag === "Current") current++
            else if (verdict._tag === "Remove") removed.push(key)
            else fills.push(verdict.fill)
          }
          if (removed.length > 0) yield* store.remove(removed)
          const stored = fills.length === 0 ? [] : yield* store.fill(fills)
          const renewed = stored.filter((one) => one).length
          return { seen, current, renewed, removed: removed.length, overtaken: stored.length - renewed }
        })
      ),
      Stream.scan(
        () => start,
        (total, some) => ({
          seen: total.seen + some.seen,
          current: total.current + some.current,
          renewed: total.renewed + some.renewed,
          removed: total.removed + some.removed,
          overtaken: total.overtaken + some.overtaken
        })
      )
    )
  })
)
