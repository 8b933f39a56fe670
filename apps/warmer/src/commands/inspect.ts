/**
 * `inspect`: what the store holds under a key, or under each key of a pattern.
 */
import { CacheManager, CacheStore, Cipher, Entry, type Explanation, Tag } from "@letletme/cache"
import { FplCaches } from "@letletme/fpl"
import { Clock, Duration, Effect, Option, Result, Stream } from "effect"
import { keyOrPattern, keysOf } from "../Namespace.ts"
import { answer, columns, Failed } from "../Output.ts"

/** How the bytes of a value are kept. */
const formOf = (payload: Uint8Array): string => {
  const key = Cipher.keyOf(payload)
  if (key !== undefined) return `encrypted with ${key}`
  return Buffer.from(payload.subarray(0, 5)).toString("latin1") === "zstd " ? "zstd" : "JSON"
}

interface Inspected {
  readonly key: Tag.Tag
  readonly storeKey: string
  readonly state: Explanation["state"]
  /** Of the whole entry, as it is stored. */
  readonly bytes: number
  readonly form: string
  readonly kind: "loaded" | "announced"
  readonly absent: boolean
  readonly stamp: number
  readonly revision: Entry.Revision
  /** Epoch milliseconds. */
  readonly createdAt: number
  readonly freshUntil: number
  readonly expiresAt: number
  readonly tags: ReadonlyArray<Tag.Tag>
}

/** What the store holds of a key; none where it holds nothing that is readable. */
const look = Effect.fnUntraced(function* (key: Tag.Tag) {
  const store = yield* CacheStore
  const manager = yield* CacheManager
  const [explanation] = yield* manager.explain(key)
  if (explanation === undefined) return Option.none()
  const { state, storeKey } = explanation
  const [bytes] = yield* store.getMany([storeKey])
  const sealed = bytes === undefined ? undefined : Result.getOrUndefined(Entry.unseal(key, bytes))
  if (bytes === undefined || sealed === undefined) return Option.none()
  const { absent, announced, createdAt, expiresAt, freshUntil, payload, revision, stamp, tags } = sealed
  return Option.some<Inspected>({
    key,
    storeKey,
    state,
    bytes: bytes.length,
    form: formOf(payload),
    kind: announced ? "announced" : "loaded",
    absent,
    stamp,
    revision,
    createdAt,
    freshUntil,
    expiresAt,
    tags
  })
})

const ago = (millis: number): string => {
  const [first = "0s"] = Duration.format(Duration.millis(Math.abs(millis) - (Math.abs(millis) % 1000))).split(" ")
  return millis < 0 ? `in ${first}` : `${first} ago`
}

const describeOne = (found: Inspected, value: Option.Option<unknown>, now: number): string =>
  [
    `${found.key} is ${found.state}.`,
    "",
    ...[
      ["store key", found.storeKey],
      ["kept as", `${found.bytes} bytes, ${found.form}`],
      ["came by", found.kind === "announced" ? "the update that announced it" : "a load"],
      ["written", `${new Date(found.createdAt).toISOString()}, ${ago(now - found.createdAt)}`],
      ["fresh till", `${new Date(found.freshUntil).toISOString()}, ${ago(now - found.freshUntil)}`],
      ["kept till", `${new Date(found.expiresAt).toISOString()}, ${ago(now - found.expiresAt)}`],
      ["stamp", `${found.stamp}`],
      ["revision", found.revision.time === 0 ? "none stated" : `${found.revision.time}.${found.revision.sequence}`],
      ...found.tags.map((tag, index) => [index === 0 ? "tags" : "", tag])
    ].map(([name = "", text = ""]) => `${name.padEnd(10)}  ${text}`),
    "",
    found.absent
      ? "The source said that it does not exist."
      : Option.match(value, {
          onNone: () => "No reader is answered this value, so it is not shown.",
          onSome: (shown) => JSON.stringify(shown, null, 2)
        })
  ].join("\n")

const one = Effect.fnUntraced(function* (key: Tag.Tag, json: boolean) {
  const found = yield* look(key)
  if (Option.isNone(found)) {
    return yield* new Failed({ message: `The store holds no entry under ${key}: \`explain\` says why.` })
  }
  const reading = (yield* FplCaches.readers)(key)
  const value = Option.isNone(reading) ? Option.none() : yield* reading.value.peek
  const now = yield* Clock.currentTimeMillis
  yield* answer(json, { ...found.value, value: Option.getOrNull(value) }, () => describeOne(found.value, value, now))
})

const many = Effect.fnUntraced(function* (pattern: Tag.Tag, limit: number, json: boolean) {
  // One more than is shown tells whether there are more.
  const found = yield* keysOf(pattern).pipe(
    Stream.mapEffect(look, { concurrency: 16 }),
    Stream.flatMap((entry) => Stream.fromIterable(Option.toArray(entry))),
    Stream.take(limit + 1),
    Stream.runCollect
  )
  const entries = found.slice(0, limit).toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const now = yield* Clock.currentTimeMillis
  yield* answer(json, { entries, more: found.length > limit }, () =>
    entries.length === 0
      ? `The store holds no entry under ${pattern}.`
      : [
          columns(
            ["key", "state", "bytes", "written", "tags"],
            entries.map(({ bytes, createdAt, key, state, tags }) => [
              key,
              state,
              bytes,
              ago(now - createdAt),
              tags.length
            ])
          ),
          ...(found.length > limit ? [`… and more: --limit ${limit * 2}`] : [])
        ].join("\n")
  )
})

/** Shows the entry of a key, or lists those of a pattern. */
export const inspect = Effect.fn("inspect")(function* (
  text: string,
  { json, limit }: { readonly json: boolean; readonly limit: number }
) {
  const key = yield* keyOrPattern(text)
  yield* Tag.isPattern(key) ? many(key, limit, json) : one(key, json)
})
