/**
 * Looking at what readers get: `table`, `get`, `explain`.
 */
import { CacheManager } from "@letletme/cache"
import { currentId, CurrentSeason, FplCaches, Standing, StandingCache, StandingId } from "@letletme/fpl"
import { Effect, Option, Schema } from "effect"
import type { Explanation } from "../admin/Reports.ts"
import { keyOrPattern } from "../Namespace.ts"
import { answer, columns, Failed, sentence, table } from "../Output.ts"

/** `table`: the league table, overall or in another scope. */
export const showTable = Effect.fn("table")(function* (scope: string, json: boolean) {
  const season = yield* CurrentSeason.use((cache) => cache.get(currentId))
  const id = yield* Effect.mapError(
    Schema.decodeEffect(StandingId)(`${season}:${scope}`),
    (error) => new Failed({ message: error.message })
  )
  const standings = yield* StandingCache
  const standing = yield* standings.get(id)
  const document = { ...standing, rows: standing.rows.map(Standing.toPublished) }
  yield* answer(json, document, () => `${season}, ${scope}\n\n${table(standing)}`)
})

/** `get KEY`: a value, loaded where the cache does not have it. */
export const get = Effect.fn("get")(function* (text: string) {
  const key = yield* keyOrPattern(text)
  const reading = (yield* FplCaches.readers)(key)
  if (Option.isNone(reading)) {
    return yield* new Failed({
      message: `${key} is no key of a domain. Keys look like match:2030-31:17, match:event:2030-31:28:ids or standing:2030-31:overall.`
    })
  }
  const value = yield* reading.value.find
  if (Option.isNone(value)) return yield* new Failed({ message: `${key} does not exist at the source.` })
  return yield* answer(true, value.value, () => "")
})

/** An explanation for a person. */
export const describe = (explanation: Explanation): string => {
  const { because, entry, invalidation, key, position, state, storeKey, tier } = explanation
  const lines = [
    sentence(`${key} is ${state}. ${because}`),
    "",
    `store key  ${storeKey}`,
    `tier       ${tier}`,
    `view at    ${position}`
  ]
  if (invalidation !== undefined) lines.push(`reached by ${invalidation.tag} at ${invalidation.position}`)
  if (entry !== undefined) {
    lines.push(
      `stamp      ${entry.stamp}`,
      `written    ${new Date(entry.createdAt).toISOString()}`,
      `fresh till ${new Date(entry.freshUntil).toISOString()}`,
      "",
      columns(
        ["tag", "last invalidated at"],
        entry.tags.map(({ reachedAt, tag }) => [tag, reachedAt === 0 ? "never" : `${reachedAt}`])
      )
    )
  }
  return lines.join("\n")
}

/** `explain KEY`: why an entry is fresh, stale or absent. */
export const explain = Effect.fn("explain")(function* (text: string, json: boolean) {
  const key = yield* keyOrPattern(text)
  const manager = yield* CacheManager
  const [explanation] = yield* manager.explain(key)
  if (explanation === undefined) return yield* new Failed({ message: `${key} is no key of a domain.` })
  return yield* answer(json, explanation, () => describe(explanation))
})
