/**
 * `replay DIR`: recorded snapshots in order, each published, its invalidations reported, and what they reached reloaded.
 */
import { Warmer } from "@letletme/cache"
import { type RecordedSource, SeasonRevision, SeasonSync, Standing, StandingCache } from "@letletme/fpl"
import { Effect } from "effect"
import { answer, columns, Failed, table } from "../Output.ts"

/** The keys of entities that are invalidated, found by looking at every one. */
const invalidatedKeys = Effect.fnUntraced(function* (revision: SeasonRevision.SeasonRevision) {
  const keys = yield* Effect.forEach(
    yield* SeasonRevision.domains.opened,
    Effect.fnUntraced(function* ({ cache, entities }) {
      const ids = entities(revision)
      const conditions = yield* cache.inspect(ids)
      return ids.filter((_, index) => conditions[index] === "invalidated").map(cache.key)
    })
  )
  return keys.flat()
})

const named = ({ name, time }: RecordedSource.Recorded) => ({ name, time: new Date(time).toISOString() })

const nothing = {
  position: undefined,
  invalidated: [],
  confirmed: [],
  unchangedInvalidated: [],
  reloaded: [],
  failures: []
}

/** Replays the snapshots. The table at the end is the one that readers get. */
export const replay = Effect.fn("replay")(function* (recorded: ReadonlyArray<RecordedSource.Recorded>, json: boolean) {
  const sync = yield* SeasonSync
  const warmer = yield* Warmer
  const standings = yield* StandingCache
  const snapshots: Array<Snapshot> = []
  let previous: SeasonRevision.SeasonRevision | undefined
  for (const one of recorded) {
    const revision: SeasonRevision.SeasonRevision = yield* one.load(previous)
    const published = yield* sync.publish(revision)
    previous = revision
    if (published.outcome === "superseded") {
      snapshots.push({ ...nothing, ...named(one), outcome: published.outcome, changed: published.changed })
      yield* Effect.logInfo(`${one.name}: superseded, the store holds a newer revision`)
      continue
    }
    const invalidated = yield* invalidatedKeys(revision)
    const report = yield* warmer.warm
    const reloaded = report.stages.flatMap(({ loaded, name }) =>
      loaded.length === 0 ? [] : [{ stage: name, keys: loaded.map(({ key }) => key) }]
    )
    // A changed entity is written with its own invalidation, and so is fresh at once: what is left was reached by it.
    const changed = new Set(Object.values(published.changed).flat())
    snapshots.push({
      ...named(one),
      outcome: published.outcome,
      changed: published.changed,
      position: published.position,
      invalidated: published.invalidated,
      confirmed: published.confirmed,
      unchangedInvalidated: invalidated.filter((key) => !changed.has(key)),
      reloaded,
      failures: report.stages.flatMap(({ failures }) => failures)
    })
    yield* Effect.logInfo(
      `${one.name}: ${published.outcome}, ${changed.size} changed, ${published.invalidated.length} tags, ${report.loaded} reloaded`
    )
  }
  if (previous === undefined) return yield* new Failed({ message: "There is no snapshot to replay." })
  const standing = yield* standings.get(
    { season: previous.season, scope: { _tag: "Overall" } },
    { consistency: "strong" }
  )
  const failures = snapshots.reduce((sum, snapshot) => sum + snapshot.failures.length, 0)
  const document = {
    season: previous.season,
    snapshots,
    failures,
    provisional: standing.provisional,
    table: standing.rows.map(Standing.toPublished)
  }
  yield* answer(json, document, () =>
    [
      columns(
        ["snapshot", "outcome", "changed", "tags", "same", "loaded"],
        snapshots.map(({ changed, confirmed, invalidated, name, outcome, reloaded }) => [
          name,
          outcome,
          Object.values(changed).reduce((sum, keys) => sum + keys.length, 0),
          invalidated.length,
          confirmed.length,
          reloaded.reduce((sum, { keys }) => sum + keys.length, 0)
        ])
      ),
      "",
      table(standing)
    ].join("\n")
  )
  if (failures > 0) return yield* new Failed({ message: `${failures} batches could not be loaded.` })
  const unduly = snapshots.flatMap(({ unchangedInvalidated }) => unchangedInvalidated)
  if (unduly.length > 0) return yield* new Failed({ message: `Unchanged, and yet invalidated: ${unduly.join(", ")}` })
}, Effect.scoped)

interface Snapshot {
  readonly name: string
  readonly time: string
  readonly outcome: string
  /** By domain, what differs from the snapshot before. */
  readonly changed: Readonly<Record<string, ReadonlyArray<string>>>
  readonly position: number | undefined
  /** The tags that were appended to the log. */
  readonly invalidated: ReadonlyArray<string>
  /** Entities that a cascade reached and that did not change: stamped anew in the same append, never invalid. */
  readonly confirmed: ReadonlyArray<string>
  /** Entities that were invalid after the append although they had not changed: there must be none. */
  readonly unchangedInvalidated: ReadonlyArray<string>
  /** The entries that were loaded anew, by kind. */
  readonly reloaded: ReadonlyArray<{ readonly stage: string; readonly keys: ReadonlyArray<string> }>
  readonly failures: ReadonlyArray<string>
}
