/**
 * `warm --once`: the warming flow, once.
 */
import { Warmer } from "@letletme/cache"
import { SeasonSync } from "@letletme/fpl"
import { Effect } from "effect"
import { answer, columns, Failed, sentence, showProgress } from "../Output.ts"

/** Brings the cache up to the source, loads what is missing, reloads what is invalid. */
export const warm = Effect.fn("warm")(function* (json: boolean) {
  const sync = yield* SeasonSync
  const warmer = yield* Warmer
  yield* showProgress("Warming", warmer.progress)
  const published = yield* sync.poll
  const report = yield* warmer.warm
  yield* answer(json, { published, report }, () =>
    [
      sentence(
        report.path === "loaded"
          ? `The cache was empty: ${report.loaded} entries loaded in ${report.millis} ms.`
          : `The cache was verified: ${report.total} entries, ${report.loaded} of them reloaded, in ${report.millis} ms.`
      ),
      "",
      columns(
        ["entries", "total", "were fresh", "loaded"],
        report.stages.map(({ found, loaded, name, total }) => [name, total, found.fresh, loaded.length])
      ),
      ...report.stages.flatMap(({ failures, name }) => failures.map((failure) => sentence(`${name}: ${failure}`)))
    ].join("\n")
  )
  if (report.failures > 0) return yield* new Failed({ message: `${report.failures} batches could not be loaded.` })
}, Effect.scoped)
