/**
 * Recorded snapshots of the API in a folder: one, or many in the order of their times.
 *
 * The folder holds `bootstrap.json` and `fixtures.json`, or folders that do, named by their times such as
 * `2021-08-13T173000Z`.
 */
import { Effect, Layer } from "effect"
import { FileSystem } from "effect/FileSystem"
import { Path } from "effect/Path"
import { inName, type Season } from "../season/Season.ts"
import { assemble, type SeasonRevision } from "../season/SeasonRevision.ts"
import { FplSource } from "./FplSource.ts"
import { Invalid, SourceError, Unavailable } from "./SourceError.ts"

/** A recorded snapshot, read when it is loaded. A snapshot that cannot be read fails with `SourceError`. */
export interface Recorded {
  readonly name: string
  readonly season: Season
  /** When it was recorded (epoch ms). */
  readonly time: number
  /** Reads and checks it, against the revision before it if one is given. */
  readonly load: (previous?: SeasonRevision) => Effect.Effect<SeasonRevision, SourceError>
}

const timeOf = (name: string): number | undefined => {
  const found = /^(\d{4}-\d{2}-\d{2}T)(\d{2})(\d{2})(\d{2})Z$/.exec(name)
  if (found === null) return undefined
  const [, date = "", hours = "", minutes = "", seconds = ""] = found
  const time = Date.parse(`${date}${hours}:${minutes}:${seconds}Z`)
  return Number.isNaN(time) ? undefined : time
}

/**
 * Lists the snapshots of a folder, oldest first. The season is the one stated, or the one that the folder's path names.
 *
 * A single snapshot without a time in its name has the time of its last deadline: it is a season's end. Fails with
 * `SourceError` where there is none.
 */
export const list = Effect.fn("RecordedSource.list")(function* (
  folder: string,
  options?: { readonly season?: Season | undefined }
): Effect.fn.Return<ReadonlyArray<Recorded>, SourceError, FileSystem | Path> {
  const files = yield* FileSystem
  const path = yield* Path
  const unavailable = (what: string) => (cause: Error) =>
    new SourceError({ reason: new Unavailable({ what, status: null, retryAfter: null, detail: cause.message }) })

  const whole = path.resolve(folder)
  const season =
    options?.season ??
    whole
      .split(path.sep)
      .toReversed()
      .map(inName)
      .find((name) => name !== undefined)
  if (season === undefined) {
    const detail = "no folder of its path names a season such as 2021-22; state one with --season"
    return yield* new SourceError({ reason: new Invalid({ what: whole, detail }) })
  }

  const read = (...segments: ReadonlyArray<string>) => {
    const file = path.join(whole, ...segments)
    return Effect.mapError(files.readFileString(file), unavailable(file))
  }
  const recorded = (name: string, time: number, ...segments: ReadonlyArray<string>): Recorded => ({
    name,
    season,
    time,
    load: Effect.fnUntraced(function* (previous?: SeasonRevision) {
      const [bootstrap, fixtures] = yield* Effect.all([
        read(...segments, "bootstrap.json"),
        read(...segments, "fixtures.json")
      ])
      return yield* assemble({ season, time, bootstrap, fixtures, previous })
    })
  })

  const names = yield* Effect.mapError(files.readDirectory(whole), unavailable(whole))
  if (names.includes("bootstrap.json")) {
    const single = recorded(path.basename(whole), timeOf(path.basename(whole)) ?? 0)
    if (single.time > 0) return [single]
    const { events } = yield* single.load()
    return [recorded(single.name, Math.max(...events.map(({ deadline }) => deadline)))]
  }
  const snapshots = names
    .flatMap((name) => {
      const time = timeOf(name)
      return time === undefined ? [] : [recorded(name, time, name)]
    })
    .toSorted((a, b) => a.time - b.time)
  if (snapshots.length === 0) {
    const detail = "it holds neither bootstrap.json nor folders named by times such as 2021-08-13T173000Z"
    return yield* new SourceError({ reason: new Invalid({ what: whole, detail }) })
  }
  return snapshots
})

/**
 * The last snapshot of a folder as a source: what a recorded season looks like now. Fails with `SourceError` where
 * there is none.
 */
export const layer = (
  folder: string,
  options?: { readonly season?: Season | undefined }
): Layer.Layer<FplSource, SourceError, FileSystem | Path> =>
  Layer.effect(
    FplSource,
    Effect.gen(function* () {
      const last = (yield* list(folder, options)).at(-1)
      if (last === undefined) {
        return yield* new SourceError({ reason: new Invalid({ what: folder, detail: "it holds no snapshot" }) })
      }
      return FplSource.of({
        season: last.season,
        description: `the recording at ${folder}`,
        fetch: (previous) => last.load(previous)
      })
    })
  )

/** For those who publish revisions themselves, one after another: there is nothing to fetch. */
export const layerReplay = (season: Season): Layer.Layer<FplSource> =>
  Layer.succeed(
    FplSource,
    FplSource.of({
      season,
      description: "a replay",
      fetch: () => {
        const detail = "a replay publishes its revisions itself, and has published none yet"
        const reason = new Unavailable({ what: "The replay", status: null, retryAfter: null, detail })
        return Effect.fail(new SourceError({ reason }))
      }
    })
  )
