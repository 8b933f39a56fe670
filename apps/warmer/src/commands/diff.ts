/**
 * `diff`: what the cache would answer beside what the source says, field by field.
 */
import { CacheManager, type Tag } from "@letletme/cache"
import { FplCaches } from "@letletme/fpl"
import { wrap } from "@letletme/command"
import { Effect, JsonPatch, Layer, Option, Schema, Stream } from "effect"
import { keyOrPattern, keysOf } from "../Namespace.ts"
import { answer, Failed, sentence } from "../Output.ts"

/** One field that differs; `null` where one side does not have it. */
interface Change {
  /** Where, as a JSON pointer; empty for the whole value. */
  readonly path: string
  readonly cached: Schema.Json
  readonly source: Schema.Json
}

interface Different {
  readonly key: Tag.Tag
  readonly changes: ReadonlyArray<Change>
}

// So many keys are compared at once, and so many differences are told.
const concurrency = 32
const mostTold = 1_000
const shown = 20

const toJson = Schema.decodeUnknownSync(Schema.fromJsonString(Schema.Json))

/** A value as JSON; `null` for none. */
const json = (value: Option.Option<unknown>): Schema.Json =>
  Option.match(value, { onNone: () => null, onSome: (found) => toJson(JSON.stringify(found) ?? "null") })

/** What a pointer names in a document; `null` where there is nothing. */
const at = (document: Schema.Json, path: string): Schema.Json => {
  let found: Schema.Json | undefined = document
  for (const token of path.split("/").slice(1)) {
    if (typeof found !== "object" || found === null) return null
    const name = token.replaceAll("~1", "/").replaceAll("~0", "~")
    const fields: ReadonlyArray<readonly [string, Schema.Json]> = Object.entries(found)
    found = fields.find(([key]) => key === name)?.[1]
  }
  return found ?? null
}

/** The fields in which two documents differ. */
export const changesOf = (cached: Schema.Json, source: Schema.Json): ReadonlyArray<Change> =>
  JsonPatch.get(cached, source).map(({ path }) => ({ path, cached: at(cached, path), source: at(source, path) }))

/** Caches of their own, over a store of their own, for what the database says: nobody else sees them. */
const truth = Layer.fresh(FplCaches.layerReaders).pipe(Layer.provide(Layer.fresh(CacheManager.layerMemory)))

const describe = (of: string, { different, notFresh, same }: Diff): string =>
  [
    ...different.slice(0, shown).flatMap(({ changes, key }) => [
      key,
      ...changes.map(({ cached, path, source }) => {
        const text = `${path || "all of it"}: ${JSON.stringify(cached)} → ${JSON.stringify(source)}`
        return wrap(text, 76)
          .map((line, index) => (index === 0 ? `  ${line}` : `    ${line}`))
          .join("\n")
      })
    ]),
    ...(different.length > shown ? [`… ${different.length - shown} more: --json lists up to 1,000.`] : []),
    sentence(
      `${of}: ${same} as the source says, ${different.length} different, ${notFresh} not fresh: those nobody is answered.`
    )
  ].join("\n")

interface Diff {
  readonly same: number
  readonly different: ReadonlyArray<Different>
  /** Entries that are expired, invalidated or unreadable: a reader loads them anew. */
  readonly notFresh: number
  /** Keys of no cache that is compared. */
  readonly passedOver: ReadonlyArray<Tag.Tag>
}

/** Compares each fresh entry of the store with what its lookup answers now; fails where one differs. */
export const diff = Effect.fn("diff")(function* (text: Option.Option<string>, asJson: boolean) {
  const wanted = yield* Option.match(text, {
    onNone: () => Effect.undefined,
    onSome: keyOrPattern
  })
  const held = yield* FplCaches.readers
  const told = yield* Effect.provide(FplCaches.readers, yield* Layer.build(truth))
  const different: Array<Different> = []
  const passedOver: Array<Tag.Tag> = []
  let [same, notFresh] = [0, 0]

  const compare = Effect.fnUntraced(function* (key: Tag.Tag) {
    const [cached, source] = [held(key), told(key)]
    if (Option.isNone(cached) || Option.isNone(source)) {
      passedOver.push(key)
      return
    }
    const { condition, peek } = cached.value
    if ((yield* condition) !== "fresh") {
      notFresh++
      return
    }
    const [before, truly] = [json(yield* peek), json(yield* source.value.find)]
    const changes = changesOf(before, truly)
    // It may have been invalidated while the source was asked: what is compared has to be what it still is.
    const isStill =
      changes.length === 0 || ((yield* condition) === "fresh" && changesOf(before, json(yield* peek)).length === 0)
    if (changes.length === 0) same++
    else if (!isStill) notFresh++
    else if (different.length < mostTold) different.push({ key, changes })
  })
  yield* Stream.runForEach(
    Stream.mapEffect(keysOf(wanted), compare, { concurrency, unordered: true }),
    () => Effect.void
  )
  const found = {
    same,
    different: different.toSorted((one, other) => (one.key < other.key ? -1 : 1)),
    notFresh,
    passedOver
  }
  yield* answer(asJson, found, () =>
    describe(
      Option.getOrElse(text, () => "Entries"),
      found
    )
  )
  if (different.length > 0) {
    return yield* new Failed({
      message: `${different.length} entries differ from the source: \`verify --repair\` mends them, \`explain\` says why one is believed.`
    })
  }
}, Effect.scoped)
