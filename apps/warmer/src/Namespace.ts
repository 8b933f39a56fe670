/**
 * The keys of the store's entries, by a pattern.
 */
import { CacheConfig, CacheStore, Tag } from "@letletme/cache"
import { Effect, Result, Stream } from "effect"
import { Failed } from "./Output.ts"

/** The key or pattern that a text is. */
export const keyOrPattern = (text: string): Effect.Effect<Tag.Tag, Failed> =>
  Result.match(Tag.parse(text), {
    onSuccess: (key) => Effect.succeed(key),
    onFailure: (error) => Effect.fail(new Failed({ message: `"${text}" is not a key: ${error.message}` }))
  })

/** The keys of all entries that a key or pattern reaches, or of all; each once, whatever its schema is. */
export const keysOf = (wanted: Tag.Tag | undefined) =>
  Stream.unwrap(
    Effect.gen(function* () {
      const store = yield* CacheStore
      const { namespace } = yield* CacheConfig.Settings
      const seen = new Set<Tag.Tag>()
      const prefix = wanted === undefined ? "" : Tag.isPattern(wanted) ? wanted.slice(0, -1) : `${wanted}@`
      return store.scan(`${namespace}:${prefix}`).pipe(
        Stream.flatMap((names) =>
          Stream.fromIterable(
            names.flatMap((name) => {
              const end = name.lastIndexOf("@")
              const key = Result.getOrUndefined(Tag.parse(name.slice(namespace.length + 1, end)))
              if (end === -1 || key === undefined || seen.has(key)) return []
              seen.add(key)
              return [key]
            })
          )
        )
      )
    })
  )
