/**
 * What the cache asks of a server, as data: sequences that a seed decides.
 */
import { Tag } from "@letletme/cache"
import type { Revision } from "@letletme/cache/Entry"
import * as VirtualTime from "@letletme/testing/VirtualTime"

/** A position, told so that it means the same to two servers, whose clocks differ. */
export interface Where {
  /** The first position of this incarnation, the last one known of, that of the incarnation before, or none: zero. */
  readonly of: "base" | "head" | "before" | "none"
  readonly plus: number
}

/** What an entry's bytes say of themselves: the truth, a stamp that fails its check, or nothing that can be read. */
type Kind = "sealed" | "altered" | "foreign"

/** Entries and leases of an operation live for a millisecond, or longer than the test. */
type Lived = { readonly isShort: boolean }

export type Operation =
  | ({
      readonly _tag: "Append"
      readonly tags: ReadonlyArray<Tag.Tag>
      readonly from: Where
      readonly writes: ReadonlyArray<{
        readonly key: string
        readonly preparedAt: Where
        readonly revision: Revision
        readonly text: string
      }>
    } & Lived)
  | { readonly _tag: "Sync"; readonly from: Where }
  | { readonly _tag: "Snapshot" }
  | { readonly _tag: "Compact"; readonly floor: Where }
  | { readonly _tag: "At"; readonly position: Where }
  | { readonly _tag: "Follow"; readonly behind: number }
  | ({
      readonly _tag: "Fill"
      readonly fills: ReadonlyArray<{
        readonly key: string
        readonly stamp: Where
        readonly revision: Revision
        readonly text: string
        readonly kind: Kind
        readonly overwrite: boolean
      }>
    } & Lived)
  | { readonly _tag: "GetMany"; readonly keys: ReadonlyArray<string> }
  | { readonly _tag: "Remove"; readonly keys: ReadonlyArray<string> }
  | { readonly _tag: "Scan"; readonly prefix: string }
  | ({
      readonly _tag: "Lease"
      readonly leases: ReadonlyArray<{ readonly key: string; readonly holder: string; readonly from?: string }>
    } & Lived)
  | {
      readonly _tag: "Release"
      readonly leases: ReadonlyArray<{ readonly key: string; readonly holder: string }>
    }
  | { readonly _tag: "Lose"; readonly what: "everything" | "table" | "log" }
  /** Something else takes the key: every script that needs it fails from here on. */
  | { readonly _tag: "Spoil"; readonly what: "table" | "log" }

const keys = ["match:1", "match:2", "match:12", "team:ü", "te*m:1", "te?m:[1]\\"]
const prefixes = ["match:", "match:1", "te", "te*", "te?m:[1]\\", "team:ü", ""]
const leases = ["test:lease:1", "test:lease:2"]
const holders = ["a 1", "b 2", "c 3 ü"]
const tags = [Tag.of("match", "1"), Tag.of("match", "2"), Tag.any("team"), Tag.of("team", "ü"), Tag.of("event", "1")]
const manyTags = Array.from({ length: 620 }, (_, index) => Tag.of("player", `${index}`))
const texts = ["", "{}", "\u0000\r\n ü \u{1f600}", "LLC1 5 5 ", "x".repeat(20)]
const times = [0, 0, 1, 2, 3, 1_795_417_628_541, 1_795_417_628_542, 9_007_199_254_740_991]

/** The sequence of a seed. */
export const sequence = (seed: number, length: number): ReadonlyArray<Operation> => {
  const chance = VirtualTime.chance(seed)
  const below = chance.below
  const happens = (share: number): boolean => chance.nextDoubleUnsafe() < share
  const one = <A>(items: readonly [A, ...Array<A>] | ReadonlyArray<A>, fallback: A): A =>
    items[below(items.length)] ?? fallback
  const key = () => one(keys, "")
  const some = <A>(least: number, most: number, make: () => A): ReadonlyArray<A> =>
    Array.from({ length: least + below(most - least + 1) }, make)
  const revision = (): Revision => ({ time: one(times, 0), sequence: below(3) })

  const where = (): Where => {
    const dice = below(20)
    if (dice < 10) return { of: "head", plus: -below(6) }
    if (dice < 13) return { of: "base", plus: below(4) }
    if (dice < 16) return { of: "before", plus: -below(3) }
    if (dice < 18) return { of: "none", plus: 0 }
    return { of: "head", plus: 1 + below(3) }
  }
  // A view may be far ahead of a server that lost state.
  const from = (): Where => (happens(0.03) ? { of: "head", plus: 1_000_000_000_000 } : where())

  const next = (): Operation => {
    const dice = below(100)
    if (dice < 28) {
      // A commit writes no key twice.
      const written = new Set(some(0, 3, key))
      return {
        _tag: "Append",
        tags: happens(0.02) ? manyTags : some(happens(0.15) ? 0 : 1, 3, () => one(tags, Tag.of("match", "1"))),
        from: from(),
        isShort: happens(0.1),
        writes: Array.from(written, (key) => ({
          key,
          preparedAt: where(),
          revision: revision(),
          text: one(texts, "")
        }))
      }
    }
    if (dice < 36) return { _tag: "Sync", from: from() }
    if (dice < 40) return { _tag: "Snapshot" }
    if (dice < 44) return { _tag: "Compact", floor: where() }
    if (dice < 48) return { _tag: "At", position: where() }
    if (dice < 51) return { _tag: "Follow", behind: 1 + below(4) }
    if (dice < 65) {
      return {
        _tag: "Fill",
        isShort: happens(0.15),
        fills: some(0, 4, () => ({
          key: key(),
          stamp: where(),
          revision: revision(),
          text: one(texts, ""),
          kind: one(["sealed", "sealed", "sealed", "sealed", "altered", "foreign"], "sealed"),
          overwrite: happens(0.1)
        }))
      }
    }
    if (dice < 75) return { _tag: "GetMany", keys: some(0, 6, key) }
    if (dice < 78) return { _tag: "Remove", keys: some(0, 3, key) }
    if (dice < 82) return { _tag: "Scan", prefix: one(prefixes, "") }
    if (dice < 89) {
      return {
        _tag: "Lease",
        isShort: happens(0.2),
        leases: some(1, 3, () => ({
          key: one(leases, ""),
          holder: one(holders, ""),
          ...(happens(0.3) ? { from: one(holders, "") } : {})
        }))
      }
    }
    if (dice < 95) {
      return { _tag: "Release", leases: some(1, 3, () => ({ key: one(leases, ""), holder: one(holders, "") })) }
    }
    if (dice < 99) return { _tag: "Lose", what: one(["everything", "table", "table", "log"], "table") }
    return { _tag: "Spoil", what: happens(0.5) ? "table" : "log" }
  }

  return Array.from({ length }, next)
}
