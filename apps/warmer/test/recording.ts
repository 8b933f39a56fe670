/**
 * A recorded season: three moments of a simulated one, of which the second and third each move a match.
 */
import { SimulatedSeason } from "@letletme/fpl"
import { Effect, FileSystem } from "effect"

const season = SimulatedSeason.make()

// The first match that is postponed: out of one gameweek, and later into another.
export const moved = (() => {
  const fixture = season.fixtures.find(({ placements }) => placements.length === 3)
  const [first, out, back] = fixture?.placements ?? []
  return { event: first?.event ?? 0, out: out?.since ?? 0, back: back?.since ?? 0, later: back?.event ?? 0 }
})()

const day = 86_400_000
const times = [moved.out - day, moved.out + 1_000, moved.back + 1_000]

/** The lists of a gameweek and its phases; without a gameweek, that of the unscheduled matches. */
const listsOf = (event: number | null) =>
  event === null
    ? ["match:members:unscheduled:2030-31"]
    : [
        `match:members:event:2030-31:${event}`,
        ...season.phases
          .filter(({ start, stop }) => start <= event && event <= stop)
          .map(({ id }) => `match:members:phase:2030-31:${id}`)
      ]

/** The lists that lose or gain a match between two moments of the recording, from the raw data. */
export const listsMoved = (from: number, to: number) => {
  const [before, after] = [from, to].map((index) => SimulatedSeason.at(season, times[index] ?? 0).fixtures)
  const lists = (after ?? []).flatMap(({ event }, index) => {
    const old = before?.[index]?.event ?? null
    return old === event ? [] : [...new Set(listsOf(old)).symmetricDifference(new Set(listsOf(event)))]
  })
  return [...new Set(lists)].toSorted()
}

/** A recording of three moments: before a match is postponed, after, and when it has its new date. */
export const recording = Effect.gen(function* () {
  const files = yield* FileSystem.FileSystem
  const folder = `${yield* files.makeTempDirectoryScoped()}/2030-31`
  for (const time of times) {
    const name = new Date(time).toISOString().replace(/\.\d+/, "").replaceAll(":", "")
    const { bootstrap, fixtures } = SimulatedSeason.at(season, time)
    yield* files.makeDirectory(`${folder}/${name}`, { recursive: true })
    yield* files.writeFileString(`${folder}/${name}/bootstrap.json`, JSON.stringify(bootstrap))
    yield* files.writeFileString(`${folder}/${name}/fixtures.json`, JSON.stringify(fixtures))
  }
  return folder
})
