/**
 * One coherent revision of a season: events, phases, teams, matches and players of one moment, cross-checked.
 */
import { Effect, type Layer, pipe, Schema } from "effect"
import * as Event from "../event/Event.ts"
import { domain as event } from "../event/EventDomain.ts"
import * as Match from "../match/Match.ts"
import { domain as match } from "../match/MatchDomain.ts"
import * as Phase from "../phase/Phase.ts"
import { domain as phase } from "../phase/PhaseDomain.ts"
import * as Player from "../player/Player.ts"
import { domain as player } from "../player/PlayerDomain.ts"
import { Incoherent, Invalid, Malformed, Maintenance, SourceError } from "../source/SourceError.ts"
import * as Team from "../team/Team.ts"
import { domain as team } from "../team/TeamDomain.ts"
import { beginningAt, type Season } from "./Season.ts"
import * as SeasonDomain from "./SeasonDomain.ts"

/** A revision. Every reference in it resolves. */
export interface SeasonRevision {
  readonly season: Season
  /** When the source stated it (epoch ms). */
  readonly time: number
  readonly events: ReadonlyArray<Event.Event>
  readonly phases: ReadonlyArray<Phase.Phase>
  readonly teams: ReadonlyArray<Team.Team>
  readonly matches: ReadonlyArray<Match.Match>
  readonly players: ReadonlyArray<Player.Player>
}

/** What a revision states: each domain after those that it refers to. */
export const domains = pipe(
  event,
  SeasonDomain.and(phase),
  SeasonDomain.and(team),
  SeasonDomain.and(match),
  SeasonDomain.and(player)
)

/** The caches of what a revision states, and the repositories beside them. */
export type Caches = Layer.Success<typeof domains.caches>
/** The repositories of what a revision states. */
export type Repositories = Layer.Success<ReturnType<typeof domains.repositories>>

/** A revision that states nothing. */
export const empty = (season: Season, time: number): SeasonRevision => ({
  season,
  time,
  events: [],
  phases: [],
  teams: [],
  matches: [],
  players: []
})

const Bootstrap = Schema.Struct({
  events: Schema.Array(Event.FromApi),
  phases: Schema.Array(Phase.FromApi),
  teams: Schema.Array(Team.FromApi),
  // Recordings may leave them out.
  elements: Schema.optionalKey(Schema.Array(Player.FromApi))
})

const Fixtures = Schema.Array(Match.FromApi)

const decodeBootstrap = Schema.decodeUnknownEffect(Bootstrap)
const decodeFixtures = Schema.decodeUnknownEffect(Fixtures)

const fail = (reason: SourceError["reason"]) => Effect.fail(new SourceError({ reason }))

/**
 * Parses a body, and tells a closed game and a web page from a document that was cut off. Fails with a `SourceError` of
 * the reason `Maintenance` or `Malformed`.
 */
export const parse = (what: string, body: string): Effect.Effect<unknown, SourceError> =>
  Effect.suspend(() => {
    const text = body.trim()
    if (text === "") return fail(new Malformed({ what, detail: "it is empty" }))
    if (/game is being updated/i.test(text.slice(0, 10_000))) return fail(new Maintenance({ what }))
    if (text.startsWith("<")) return fail(new Malformed({ what, detail: "it is a web page" }))
    return Effect.try({
      try: (): unknown => JSON.parse(text),
      catch: () => {
        const end = /[\]}]$/.test(text) ? "it cannot be parsed" : "it is cut off"
        return new SourceError({ reason: new Malformed({ what, detail: end }) })
      }
    })
  })

const duplicate = (ids: ReadonlyArray<{ readonly id: number }>): number | undefined => {
  const seen = new Set<number>()
  return ids.find(({ id }) => seen.size === seen.add(id).size)?.id
}

/** Finds the first sign that something is missing that was there. */
const truncation = (next: SeasonRevision, previous: SeasonRevision | undefined): string | undefined => {
  if (previous === undefined || previous.season !== next.season) return undefined
  const { events, matches, players, teams } = next
  if (teams.length < previous.teams.length) return `${previous.teams.length} teams have become ${teams.length}`
  if (events.length < previous.events.length) return `${previous.events.length} events have become ${events.length}`
  if (matches.length < previous.matches.length / 2) {
    return `${previous.matches.length} matches have become ${matches.length}`
  }
  if (players.length < previous.players.length / 2) {
    return `${previous.players.length} players have become ${players.length}`
  }
  return undefined
}

/** Finds the first reference that does not resolve. */
const incoherence = ({ events, matches, phases, players, teams }: SeasonRevision): string | undefined => {
  for (const [kind, entities] of Object.entries({
    event: events,
    phase: phases,
    team: teams,
    match: matches,
    player: players
  })) {
    const twice = duplicate(entities)
    if (twice !== undefined) return `${kind} ${twice} is there twice`
  }
  if (events.length === 0) return "there are no events"
  if (phases.length === 0) return "there are no phases"
  if (teams.length < 2) return `there are ${teams.length} teams`
  const eventIds = new Set(events.map(({ id }) => id))
  const teamIds = new Set(teams.map(({ id }) => id))
  for (const { away, event, home, id } of matches) {
    if (event !== null && !eventIds.has(event)) return `match ${id} is in event ${event}, which does not exist`
    if (!teamIds.has(home)) return `match ${id} is played by team ${home}, which does not exist`
    if (!teamIds.has(away)) return `match ${id} is played by team ${away}, which does not exist`
    if (home === away) return `match ${id} is played by team ${home} against itself`
  }
  for (const { id, startEvent, stopEvent } of phases) {
    if (!eventIds.has(startEvent)) return `phase ${id} starts at event ${startEvent}, which does not exist`
    if (!eventIds.has(stopEvent)) return `phase ${id} stops at event ${stopEvent}, which does not exist`
    if (stopEvent < startEvent) return `phase ${id} stops before it starts`
  }
  for (const { id, team } of players) {
    if (!teamIds.has(team)) return `player ${id} is of team ${team}, which does not exist`
  }
  return undefined
}

/**
 * Assembles a revision from the two bodies of the API, as of `time` (epoch milliseconds). Fails with a `SourceError` of the reason
 * `Malformed`, `Maintenance`, `Invalid` or `Incoherent`; measured against a `previous` revision of the season it also fails where the new one is truncated.
 *
 * The season is the year of the first deadline. One that is stated has to be that: the API goes on to the next season
 * under the same address, with the same ids for other clubs.
 */
export const assemble = Effect.fn("SeasonRevision.assemble")(function* (options: {
  readonly season?: Season | undefined
  readonly time: number
  readonly bootstrap: string
  readonly fixtures: string
  readonly previous?: SeasonRevision | undefined
}): Effect.fn.Return<SeasonRevision, SourceError> {
  const { previous, time } = options
  const invalid = (what: string) => (error: Schema.SchemaError) =>
    new SourceError({ reason: new Invalid({ what, detail: error.message }) })
  const bootstrap = yield* Effect.flatMap(parse("bootstrap-static", options.bootstrap), (body) =>
    Effect.mapError(decodeBootstrap(body), invalid("bootstrap-static"))
  )
  const fixtures = yield* Effect.flatMap(parse("fixtures", options.fixtures), (body) =>
    Effect.mapError(decodeFixtures(body), invalid("fixtures"))
  )
  const season = beginningAt(Math.min(...bootstrap.events.map((event) => event.deadline_time)))
  if (options.season !== undefined && options.season !== season && bootstrap.events.length > 0) {
    const detail = `the first deadline is of season ${season}, and ${options.season} was stated: state ${season}, or none`
    return yield* fail(new Incoherent({ detail }))
  }
  const byId = (a: { readonly id: number }, b: { readonly id: number }) => a.id - b.id
  const phases = bootstrap.phases.map((phase) => Phase.fromApi(season, phase)).toSorted(byId)
  const revision: SeasonRevision = {
    season,
    time,
    events: bootstrap.events.map((event) => Event.fromApi(season, event)).toSorted(byId),
    phases,
    teams: bootstrap.teams.map((team) => Team.fromApi(season, team)).toSorted(byId),
    matches: fixtures.map((match) => Match.fromApi(season, phases, match)).toSorted(byId),
    players: (bootstrap.elements ?? []).map((player) => Player.fromApi(season, player)).toSorted(byId)
  }
  const detail = truncation(revision, previous) ?? incoherence(revision)
  return detail === undefined ? revision : yield* fail(new Incoherent({ detail }))
})
