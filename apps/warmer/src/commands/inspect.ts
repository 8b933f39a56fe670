/**
 * Looking: `table`, `get`, `explain`, `graph`.
 */
import { type CacheError, CacheManager, type Domain, Tag } from "@letletme/cache"
import {
  EventCache,
  EventMatches,
  EventPhases,
  graph,
  MatchCache,
  PhaseCache,
  PhaseMatches,
  CurrentSeason,
  currentId,
  SeasonEvents,
  SeasonMatches,
  SeasonPhases,
  SeasonTeams,
  Standing,
  StandingCache,
  StandingId,
  TeamCache,
  TeamMatches,
  UnscheduledMatches
} from "@letletme/fpl"
import { Effect, Option, Result, Schema } from "effect"
import { answer, columns, Failed, table } from "../Output.ts"

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

const reader =
  <Id, A, E>(cache: Domain.Domain<Id, A, E>) =>
  (key: Tag.Tag): Option.Option<Effect.Effect<Option.Option<unknown>, E | CacheError>> =>
    Option.map(cache.parse(key), (id) => cache.find(id))

const keyOf = (text: string) =>
  Result.match(Tag.parse(text), {
    onSuccess: (key) => Effect.succeed(key),
    onFailure: (error) => Effect.fail(new Failed({ message: `"${text}" is not a key: ${error.message}` }))
  })

/** `get KEY`: a value, loaded where the cache does not have it. */
export const get = Effect.fn("get")(function* (text: string) {
  const key = yield* keyOf(text)
  const readers = [
    reader(yield* EventCache),
    reader(yield* SeasonEvents),
    reader(yield* PhaseCache),
    reader(yield* SeasonPhases),
    reader(yield* EventPhases),
    reader(yield* TeamCache),
    reader(yield* SeasonTeams),
    reader(yield* MatchCache),
    reader(yield* EventMatches),
    reader(yield* PhaseMatches),
    reader(yield* TeamMatches),
    reader(yield* SeasonMatches),
    reader(yield* UnscheduledMatches),
    reader(yield* StandingCache)
  ]
  for (const read of readers) {
    const found = read(key)
    if (Option.isNone(found)) continue
    const value = yield* found.value
    if (Option.isNone(value)) return yield* new Failed({ message: `${key} does not exist at the source.` })
    return yield* answer(true, value.value, () => "")
  }
  return yield* new Failed({
    message: `${key} is no key of a domain. Keys look like match:2030-31:17, match:event:2030-31:28:ids or standing:2030-31:overall.`
  })
})

/** `explain KEY`: why an entry is fresh, stale or absent. */
export const explain = Effect.fn("explain")(function* (text: string, json: boolean) {
  const key = yield* keyOf(text)
  const manager = yield* CacheManager
  const [explanation] = yield* manager.explain(key)
  if (explanation === undefined) return yield* new Failed({ message: `${key} is no key of a domain.` })
  return yield* answer(json, explanation, () => {
    const { because, entry, invalidation, position, state, storeKey, tier } = explanation
    const lines = [
      `${key} is ${state}. ${because}`,
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
  })
})

/** `graph`: the dependency graph. */
export const showGraph = (json: boolean) =>
  answer(
    json,
    {
      domains: graph.domains,
      levels: graph.levels,
      cascade: Object.fromEntries(graph.domains.map((domain) => [domain, graph.cascade(domain)])),
      mermaid: graph.toMermaid
    },
    () =>
      [
        graph.toMermaid.trimEnd(),
        "",
        columns(
          ["update of", "reaches"],
          graph.domains.map((domain) => [domain, graph.cascade(domain).join(", ") || "nothing else"])
        )
      ].join("\n")
  )
