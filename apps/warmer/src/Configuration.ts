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

/**
 * Reads each variable as if it were the only one: a reader of many stops at the first that is wrong, and whoever
 * corrects it would find the next.
 */
export const verify = Effect.fnUntraced(function* (
  providers: ReadonlyArray<ConfigProvider.ConfigProvider>
): Effect.fn.Return<void, SettingError> {
  const faults: Array<string> = []
  for (const provider of providers) {
    for (const [word, reader] of Object.entries(readers)) {
      for (const name of yield* namesBelow(provider, [word])) {
        const alone = ConfigProvider.make((path) => (path.join("_") === name ? provider.load(path) : Effect.undefined))
        const read = yield* Effect.result(reader.parse(alone))
        if (read._tag === "Failure") faults.push(`${name}: ${read.failure.message.replaceAll(/\s*\n\s*/g, " ")}`)
      }
    }
  }
  if (faults.length > 0) {
    return yield* new SettingError({ message: `${faults.length} settings are wrong.\n${faults.join("\n")}` })
  }
})
