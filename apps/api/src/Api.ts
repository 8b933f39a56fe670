/**
 * The read API: what can be asked, and how it is answered. A description only: servers, clients and the OpenAPI document
 * are made of it.
 */
import { Event, Match, Phase, Season, Standing, Team } from "@letletme/fpl"
import { Schema, SchemaTransformation } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { Answer } from "./Answer.ts"
import { Absent, NotModifiedEmpty, UnavailableForNow } from "./Problem.ts"

const Id = Schema.Int.pipe(Schema.check(Schema.isBetween({ minimum: 1, maximum: 1_000_000 })))
/** A whole number in a header; it is described as the text that it is there. */
const Digits = (description: string) =>
  Schema.String.annotate({ description }).pipe(
    Schema.check(Schema.isPattern(/^\d{1,16}$/, { message: "Expected a whole number of up to 16 digits" })),
    Schema.decodeTo(
      Schema.Int.pipe(Schema.check(Schema.isGreaterThanOrEqualTo(0))),
      SchemaTransformation.transform({ decode: (text: string) => Number(text), encode: (value: number) => `${value}` })
    )
  )

const query = {
  season: Schema.optionalKey(
    Schema.String.annotate({ description: "A season, such as `2030-31`. Default: the current one" }).pipe(
      Schema.decodeTo(Season.Season)
    )
  )
}

const asked = {
  "if-none-match": Schema.optionalKey(
    Schema.String.annotate({ description: "The `ETag` of an answer at hand: 304 if nothing has changed since" })
  ),
  "letletme-after": Schema.optionalKey(
    Digits(
      "The `Letletme-Position` of an earlier answer, or of a write: what is answered is at least as new, whichever process answers"
    )
  )
}

const told = {
  etag: Schema.String.annotate({ description: "Names these bytes: the revision, and a checksum" }),
  "cache-control": Schema.String.annotate({ description: "How long it may be taken for fresh, by the stage of life" }),
  "letletme-position": Digits("The position in the invalidation log that it is as new as"),
  "letletme-age": Digits("How many seconds ago the oldest of its data was cached")
}

const error = [Absent, UnavailableForNow, NotModifiedEmpty] as const

const read = <const Name extends string, const Path extends `/${string}`, S extends Schema.Top>(
  name: Name,
  path: Path,
  data: S,
  summary: string
) =>
  HttpApiEndpoint.get(name, path, {
    query,
    headers: asked,
    success: HttpApiSchema.WithHeaders(Answer(data), told),
    error
  }).annotate(OpenApi.Summary, summary)

const readById = <const Name extends string, const Path extends `/${string}`, S extends Schema.Top>(
  name: Name,
  path: Path,
  data: S,
  summary: string
) =>
  HttpApiEndpoint.get(name, path, {
    params: { id: Id },
    query,
    headers: asked,
    success: HttpApiSchema.WithHeaders(Answer(data), told),
    error
  }).annotate(OpenApi.Summary, summary)

/** Where the game is. Gameweeks are told by their ids; times are epoch milliseconds. */
export const Context = Schema.Struct({
  current: Schema.NullOr(Schema.Int).annotate({ description: "The gameweek whose deadline was the last to pass" }),
  next: Schema.NullOr(Schema.Int),
  lastFinished: Schema.NullOr(Schema.Int),
  nextDeadline: Schema.NullOr(Schema.Int),
  statedAt: Schema.Int.annotate({ description: "When the source stated what is published" }),
  checkedAt: Schema.NullOr(Schema.Int).annotate({ description: "When the source was last seen to say the same" })
})

export const Events = Schema.Array(Event.Event)
export const Phases = Schema.Array(Phase.Phase)
export const Teams = Schema.Array(Team.Team)
export const Matches = Schema.Array(Match.Match)

class ContextGroup extends HttpApiGroup.make("context").add(
  HttpApiEndpoint.get("get", "/context", {
    query: {},
    headers: asked,
    success: HttpApiSchema.WithHeaders(Answer(Context), told),
    error: [UnavailableForNow, NotModifiedEmpty] as const
  }).annotate(OpenApi.Summary, "Where the game is")
) {}

class EventsGroup extends HttpApiGroup.make("events").add(
  read("all", "/events", Events, "The gameweeks of a season"),
  readById("byId", "/events/:id", Event.Event, "A gameweek"),
  readById("phases", "/events/:id/phases", Phases, "The phases that a gameweek belongs to"),
  readById("matches", "/events/:id/matches", Matches, "The matches of a gameweek")
) {}

class PhasesGroup extends HttpApiGroup.make("phases").add(
  read("all", "/phases", Phases, "The phases of a season"),
  readById("byId", "/phases/:id", Phase.Phase, "A phase"),
  readById("matches", "/phases/:id/matches", Matches, "The matches of a phase")
) {}

class TeamsGroup extends HttpApiGroup.make("teams").add(
  read("all", "/teams", Teams, "The teams of a season"),
  readById("byId", "/teams/:id", Team.Team, "A team"),
  readById("matches", "/teams/:id/matches", Matches, "The matches of a team")
) {}

class MatchesGroup extends HttpApiGroup.make("matches").add(
  read("unscheduled", "/matches/unscheduled", Matches, "The matches in no gameweek"),
  read("live", "/matches/live", Matches, "The matches that are being played"),
  readById("byId", "/matches/:id", Match.Match, "A match")
) {}

class TableGroup extends HttpApiGroup.make("table").add(
  read("overall", "/table", Standing.Standing, "The league table"),
  read("home", "/table/home", Standing.Standing, "The table of matches at home"),
  read("away", "/table/away", Standing.Standing, "The table of matches away"),
  readById("ofPhase", "/table/phases/:id", Standing.Standing, "The table of a phase"),
  readById("asOf", "/table/events/:id", Standing.Standing, "The table as it was after a gameweek")
) {}

/** What is asked for in a way that is not described is a mistake of the caller's, and said to be. */
const strict = { onExcessProperty: "error" } as const

/**
 * The read API.
 *
 * @example
 * ```ts
 * import { OpenApi } from "effect/http-api"
 * import { Api } from "@letletme/api/Api"
 *
 * const document = OpenApi.fromApi(Api)
 * document.openapi // "3.1.0"
 * ```
 */
export class Api extends HttpApi.make("letletme")
  .add(ContextGroup, EventsGroup, PhasesGroup, TeamsGroup, MatchesGroup, TableGroup)
  .middleware(HttpApiMiddleware.ProblemDetails)
  .annotate(HttpApi.QueryParseOptions, strict)
  .annotateMerge(
    OpenApi.annotations({
      title: "LetLetMe",
      version: "0.1.0",
      description:
        "Fantasy Premier League data: gameweeks, phases, teams, matches and tables. Each answer is of one state of the data."
    })
  ) {}
