/**
 * What the namespace holds: entries and the log of this cache, or something else; encrypted as the settings say, or not.
 */
import { Advice, CacheConfig, Cipher, Entry, KeyRing, Tag } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { Effect, Option, Result, Stream } from "effect"

// So many names and entries are looked at: a sample tells whose they are.
const mostNames = 1_000
const mostEntries = 100

const isOurs = (name: string) => /@[0-9a-f]{8}$/.test(name)

/** The keys of the ring in force, if any. A ring that cannot be read is another check's finding. */
const idsOf = Effect.gen(function* () {
  const ring = yield* KeyRing.config
  if (Option.isNone(ring)) return Option.none()
  const keys = yield* Effect.option(
    Effect.provide(
      KeyRing.KeyRing.use((one) => one.keys),
      ring.value
    )
  )
  return Option.map(keys, (all) => all.map(({ id }) => id))
})

const encryption = Effect.fnUntraced(function* (names: ReadonlyArray<string>, namespace: string) {
  const { error, warning } = Advice.of("encryption")
  const redis = yield* Redis
  const ids = yield* idsOf
  const sample = names.slice(0, mostEntries)
  const found = yield* redis.mget(sample)
  let plain = 0
  const used = new Set<string>()
  for (const [index, name] of sample.entries()) {
    const bytes = found[index]
    const key = Result.getOrUndefined(Tag.parse(name.slice(namespace.length + 1, name.lastIndexOf("@"))))
    if (bytes === undefined || key === undefined) continue
    const opened = Entry.open(key, bytes)
    if (Result.isFailure(opened)) continue
    const id = Cipher.keyOf(opened.success.payload)
    if (id === undefined) plain++
    else used.add(id)
  }
  const unknown = Option.isNone(ids) ? [] : [...used].filter((id) => !ids.value.includes(id))
  return [
    ...Advice.when(Option.isNone(ids) && used.size > 0, () =>
      error(
        `Entries are encrypted (with ${[...used].join(", ")}), and this process has no keys: it reads none of them.`,
        "State CACHE_ENCRYPTION_KEYS or CACHE_ENCRYPTION_KEYS_FILE, as the other processes do."
      )
    ),
    ...Advice.when(Option.isSome(ids) && plain > 0, () =>
      warning(
        `${plain} of ${sample.length} entries are not encrypted, although keys are stated: they are not read, and lie there in plain text.`,
        "Give every process the keys, then run `warmer rotate`."
      )
    ),
    ...Advice.when(unknown.length > 0, () =>
      error(
        `Entries are encrypted with ${unknown.join(", ")}, which is not among the keys.`,
        "Add the key behind the writing one until `warmer rotate` finds nothing to do."
      )
    )
  ]
})

/** Looks at a sample of the namespace, and at the log's own keys. */
export const namespace = Effect.gen(function* () {
  const redis = yield* Redis
  const { namespace: name } = yield* CacheConfig.Settings
  const { error, warning } = Advice.of("namespace")
  const pages = yield* Stream.runCollect(Stream.take(redis.scan(`${name}:*`), Math.ceil(mostNames / 100)))
  const names = [...new Set(pages.flat())].slice(0, mostNames).filter((one) => !one.startsWith(`${name}:#`))
  const foreign = names.filter((one) => !isOurs(one))
  const [table, log] = [`{${name}}:table`, `{${name}}:log`]
  const isOther = (command: string, ...args: ReadonlyArray<string | number>) =>
    Effect.map(
      Effect.result(redis.send(command, ...args)),
      (result) => Result.isFailure(result) && result.failure.reason._tag === "WrongType"
    )
  const taken = [
    ...((yield* isOther("HGET", table, "#head")) ? [table] : []),
    ...((yield* isOther("XREVRANGE", log, "+", "-", "COUNT", 1)) ? [log] : [])
  ]
  const findings: ReadonlyArray<Advice.Finding> = [
    ...taken.map((key) =>
      error(
        `${key} is another program's: it holds another type of value, and nothing can be invalidated.`,
        "Set CACHE_NAMESPACE to a name that nothing else uses, or delete that key."
      )
    ),
    ...Advice.when(foreign.length > 0, () =>
      warning(
        `${foreign.length} of ${names.length} keys that were looked at are no entries of a cache, such as ${foreign[0] ?? ""}.`,
        "Set CACHE_NAMESPACE to a name that nothing else uses; `warmer verify --repair` deletes what does not belong."
      )
    ),
    ...(yield* encryption(names.filter(isOurs), name))
  ]
  return findings
})
