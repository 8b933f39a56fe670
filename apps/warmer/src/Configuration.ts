/**
 * The environment, checked before anything is started: every fault at once, each with its variable.
 */
import { CacheConfig } from "@letletme/cache"
import { RedisConfig } from "@letletme/redis"
import { Config, ConfigProvider, Effect } from "effect"
import { SettingError } from "./Settings.ts"

/** The first word of our variables, and what reads them. */
const readers: Readonly<Record<string, Config.Config<unknown>>> = {
  CACHE: CacheConfig.config,
  REDIS: RedisConfig.config
}

/** Variables of these words that others read. */
const others = new Set(["CACHE_ENCRYPTION_KEYS", "CACHE_ENCRYPTION_KEYS_FILE"])

// Kubernetes tells each container of a service called "redis" in these.
const ofKubernetes = /^REDIS_(?:SERVICE|PORT_\d+)/

/** The variables whose names begin with these words. */
const namesBelow = (
  provider: ConfigProvider.ConfigProvider,
  words: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<string>> =>
  Effect.gen(function* () {
    const node = yield* Effect.orElseSucceed(provider.load([...words]), () => undefined)
    if (node === undefined) return []
    const own = node.value === undefined ? [] : [words.join("_")]
    const below =
      node._tag === "Record" ? yield* Effect.forEach(node.keys, (word) => namesBelow(provider, [...words, word])) : []
    return [...own, ...below.flat()]
  })

/** A variable that is wrong, and why. */
export interface Fault {
  readonly name: string
  readonly message: string
}

/**
 * Reads each variable as if it were the only one: a reader of many stops at the first that is wrong, and whoever
 * corrects it would find the next.
 */
export const faults = Effect.fnUntraced(function* (provider: ConfigProvider.ConfigProvider) {
  const found: Array<Fault> = []
  for (const [word, reader] of Object.entries(readers)) {
    for (const name of yield* namesBelow(provider, [word])) {
      const alone = ConfigProvider.make((path) => (path.join("_") === name ? provider.load(path) : Effect.undefined))
      const read = yield* Effect.result(reader.parse(alone))
      if (read._tag === "Failure") found.push({ name, message: read.failure.message.replaceAll(/\s*\n\s*/g, " ") })
    }
  }
  return found
})

/** The variables that look like ours and that nobody reads: a misspelt one is as good as not set. */
export const unread = Effect.fnUntraced(function* (provider: ConfigProvider.ConfigProvider) {
  const known = new Set(others)
  const asked = ConfigProvider.make((path) =>
    Effect.sync(() => {
      known.add(path.join("_"))
      return undefined
    })
  )
  yield* Effect.forEach(Object.values(readers), (reader) => Effect.exit(reader.parse(asked)), { discard: true })
  const names = yield* Effect.forEach(Object.keys(readers), (word) => namesBelow(provider, [word]))
  return names.flat().filter((name) => !known.has(name) && !ofKubernetes.test(name))
})

/** Fails with every fault of all of them at once. */
export const verify = Effect.fnUntraced(function* (
  providers: ReadonlyArray<ConfigProvider.ConfigProvider>
): Effect.fn.Return<void, SettingError> {
  const found = (yield* Effect.forEach(providers, faults)).flat()
  if (found.length > 0) {
    const lines = found.map(({ message, name }) => `${name}: ${message}`)
    return yield* new SettingError({ message: [`${found.length} settings are wrong.`, ...lines].join("\n") })
  }
})
