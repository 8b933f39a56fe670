/**
 * What every answer says beside its data: of which season and revision it is, from where, and where that is in its life.
 */
import { type Event, Lifecycle, Match, Season } from "@letletme/fpl"
import { Schema } from "effect"

/**
 * The stages of life, the liveliest first. An answer made of several things is as lively as the liveliest of them.
 */
export const stages = ["live", "deadline", "pending", "settled", "final"] as const

/** Where an answer is in its life: `live` may change any second, `final` is not expected to change any more. */
export const Stage = Schema.Literals(stages)
export type Stage = typeof Stage.Type

/** What is known of an answer beside its data. */
export interface Life {
  readonly stage: Stage
  /** Something that it shows is not final yet. */
  readonly provisional: boolean
}

/** What a read found: its data, and what goes into the answer beside it. */
export interface Found<A> extends Life {
  readonly season: Season.Season
  readonly data: A
  /** When it says something else though nothing was invalidated (epoch ms). Default: when what it was made of expires. */
  readonly until?: number | undefined
}

/** The schema of an answer around its data. */
export const Answer = <S extends Schema.Top>(data: S) =>
  Schema.Struct({
    data,
    season: Season.Season.annotate({ description: "The season that the data is of" }),
    revision: Schema.Int.annotate({
      description: "The position in the invalidation log since which nothing of this has changed"
    }),
    source: Schema.String.annotate({ description: "Where the data comes from" }),
    stage: Stage.annotate({ description: "How lively the data is: `live` may change any second" }),
    provisional: Schema.Boolean.annotate({ description: "Something of the data is not final yet" })
  })

/** Of what nothing is known to happen. */
const settled: Life = { stage: "settled", provisional: false }

const liveliest = (lives: ReadonlyArray<Life>): Life =>
  lives.length === 0
    ? settled
    : {
        stage: stages.find((stage) => lives.some((life) => life.stage === stage)) ?? "settled",
        provisional: lives.some(({ provisional }) => provisional)
      }

/** The life of gameweeks together, at a time (epoch ms). */
export const ofEvents = (events: ReadonlyArray<Event.Event>, now: number): Life =>
  liveliest(
    events.map((event) => ({
      stage: Lifecycle.ofEvent(event, now),
      provisional: event.finished && !event.dataChecked
    }))
  )

/** The life of matches together, at a time (epoch ms). */
export const ofMatches = (matches: ReadonlyArray<Match.Match>, now: number): Life =>
  liveliest(
    matches.map((match) => ({
      stage: Lifecycle.ofMatch(match, now),
      provisional: Match.status(match) === "provisional"
    }))
  )
