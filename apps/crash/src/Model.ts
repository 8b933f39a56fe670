/**
 * What is changed: two small seasons whose every entity shows by which operation it was changed last.
 */
import { SeasonRevision } from "@letletme/fpl"
import { Array as Arr, Schema } from "effect"

/** Updates of workflows change this season. */
export const updated = "2030-31"
/** Publications change this one. */
export const published = "2031-32"

export const kinds = ["event", "phase", "team", "match"] as const
export const Kind = Schema.Literals(kinds)
export type Kind = typeof Kind.Type

/** How many there are of each kind, with the ids 1 and up. */
export const counts: Readonly<Record<Kind, number>> = { event: 8, phase: 4, team: 8, match: 32 }

export const ids = (count: number): ReadonlyArray<number> => Arr.makeBy(count, (index) => index + 1)

/** One change: of some entities by a workflow, or of a whole season by a publication. Its mark is told apart from all others. */
export const Operation = Schema.TaggedUnion({
  Update: { mark: Schema.Int, kind: Kind, ids: Schema.Array(Schema.Int) },
  Publication: { mark: Schema.Int }
})
export type Operation = typeof Operation.Type

/** How an entity is named in reports. */
export const keyOf = (season: string, kind: Kind, id: number): string => `${kind}:${season}:${id}`

/** Every entity of a season. */
export const allOf = (season: string): ReadonlyArray<string> =>
  kinds.flatMap((kind) => ids(counts[kind]).map((id) => keyOf(season, kind, id)))

/** The entities that an operation changes. */
export const keysOf = (operation: Operation): ReadonlyArray<string> =>
  operation._tag === "Publication" ? allOf(published) : operation.ids.map((id) => keyOf(updated, operation.kind, id))

// Sources state their revisions at times in the past, one after the other.
const origin = Date.UTC(2025, 0, 1)

/** When the source states the revision of a mark (epoch ms). */
export const timeOf = (mark: number): number => origin + mark

/** What the log says of why: each operation has its own. */
export const causeOf = (operation: Operation): string =>
  operation._tag === "Publication"
    ? `sync ${published} ${new Date(timeOf(operation.mark)).toISOString()}`
    : `update ${operation.mark}`

/** The fields by which an entity shows a mark; names and scores reach the tables. */
export const fieldsOf = {
  event: (_id: number, mark: number) => ({ highestScore: mark }),
  phase: (id: number, mark: number) => ({ name: `Phase ${id}, ${mark}`, highestScore: mark }),
  team: (id: number, mark: number) => ({ name: `Team ${id}, ${mark}`, strength: mark }),
  match: (_id: number, mark: number) => ({
    started: true,
    finished: true,
    finishedProvisional: true,
    minutes: mark,
    homeScore: mark % 7,
    awayScore: mark % 5
  })
}

const ranges: ReadonlyArray<readonly [number, number]> = [
  [1, 8],
  [1, 4],
  [5, 8],
  [3, 6]
]

const week = 7 * 24 * 60 * 60 * 1_000

/** A season with one mark all over. */
export const revisionOf = (season: string, mark: number): SeasonRevision.SeasonRevision => {
  const begins = Date.UTC(Number(season.slice(0, 4)), 7, 10)
  const perEvent = counts.match / counts.event
  return {
    ...SeasonRevision.empty(season, timeOf(mark)),
    events: ids(counts.event).map((id) => ({
      season,
      id,
      name: `Gameweek ${id}`,
      deadline: begins + id * week,
      finished: false,
      dataChecked: false,
      isPrevious: false,
      isCurrent: id === 1,
      isNext: id === 2,
      averageScore: null,
      ...fieldsOf.event(id, mark)
    })),
    phases: ranges.map(([startEvent, stopEvent], index) => ({
      season,
      id: index + 1,
      startEvent,
      stopEvent,
      ...fieldsOf.phase(index + 1, mark)
    })),
    teams: ids(counts.team).map((id) => ({
      season,
      id,
      code: 100 + id,
      shortName: `T${id}`,
      attackHome: null,
      attackAway: null,
      defenceHome: null,
      defenceAway: null,
      ...fieldsOf.team(id, mark)
    })),
    matches: ids(counts.match).map((id) => {
      const event = Math.ceil(id / perEvent)
      const place = (id - 1) % perEvent
      return {
        season,
        id,
        code: 1_000 + id,
        event,
        phases: ranges.flatMap(([from, to], index) => (from <= event && event <= to ? [index + 1] : [])),
        kickoff: begins + event * week,
        provisionalKickoff: false,
        home: place * 2 + 1,
        away: place * 2 + 2,
        homeDifficulty: null,
        awayDifficulty: null,
        ...fieldsOf.match(id, mark)
      }
    })
  }
}
