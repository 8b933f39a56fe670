import { assert, describe, it } from "@effect/vitest"
import { Entry, Tag } from "@letletme/cache"
import { Result, Schema } from "effect"
import { readFileSync } from "node:fs"

/** What a released version wrote, and what it meant by it. A file of a version never changes; a new format adds one. */
const Written = Schema.Array(
  Schema.Struct({
    what: Schema.String,
    key: Tag.Tag,
    /** Base64. */
    bytes: Schema.Uint8ArrayFromBase64,
    means: Schema.Struct({
      stamp: Schema.Finite,
      createdAt: Schema.Finite,
      freshUntil: Schema.Finite,
      expiresAt: Schema.Finite,
      revision: Schema.Struct({ time: Schema.Finite, sequence: Schema.Finite }),
      absent: Schema.Boolean,
      announced: Schema.Boolean,
      tags: Schema.Array(Tag.Tag),
      text: Schema.String
    })
  })
)

const written = Schema.decodeSync(Schema.fromJsonString(Written))(
  readFileSync(new URL("./wire/entries-1.json", import.meta.url), "utf8")
)

describe("entries that version 1 wrote", () => {
  it.each(written)("$what: is read as it was meant", ({ bytes, key, means }) => {
    const { payload, ...header } = Result.getOrThrow(Entry.unseal(key, bytes))
    assert.deepStrictEqual({ ...header, text: Buffer.from(payload).toString() }, means)
  })

  it.each(written)("$what: is what is written today", ({ bytes, means }) => {
    const { stamp, text, ...header } = means
    assert.deepStrictEqual(Buffer.from(Entry.seal(stamp, Entry.body(header, Buffer.from(text)))), Buffer.from(bytes))
  })

  it.each(written)("$what: of another version it is refused, and says so", ({ bytes, key }) => {
    const next = Buffer.from(bytes)
    next.write("2", 3)
    const refused = Entry.unseal(key, next)
    assert.include(Result.isFailure(refused) ? refused.failure : "", "the format is not LLC1")
  })
})
