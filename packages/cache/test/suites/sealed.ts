/**
 * Entries for the suites of the store and the log.
 */
import { Entry, Tag } from "@letletme/cache"
import { Result } from "effect"

/** The header of an entry of this key. */
const headerOf = (key: string, revision: Entry.Revision = Entry.noRevision): Entry.Header => ({
  createdAt: 1_000,
  freshUntil: 2_000,
  expiresAt: 3_000,
  revision,
  absent: false,
  announced: false,
  tags: [Tag.of(...segments(key))]
})

/** Everything of an entry but its stamp. */
export const bodyOf = (key: string, text: string | Uint8Array, revision?: Entry.Revision): Uint8Array =>
  Entry.body(headerOf(key, revision), Buffer.from(text))

/** A fill of an entry. */
export const fillOf = (
  key: string,
  text: string | Uint8Array,
  options: {
    readonly stamp?: number
    readonly revision?: Entry.Revision
    readonly timeToLive?: number
    readonly overwrite?: boolean
  } = {}
) => {
  const { stamp = 1, revision = Entry.noRevision, timeToLive = 60_000, overwrite = false } = options
  return { key, stamp, revision, timeToLive, overwrite, bytes: Entry.seal(stamp, bodyOf(key, text, revision)) }
}

/** What the bytes under a key say, `undefined` where there are none. */
export const readOf = (key: string, bytes: Uint8Array | undefined) => {
  if (bytes === undefined) return undefined
  const { payload, revision, stamp } = Result.getOrThrow(Entry.unseal(Tag.of(...segments(key)), bytes))
  return { stamp, revision, text: Buffer.from(payload).toString() }
}

const segments = (key: string): [string, ...Array<string>] => [key]
