/**
 * The handlers of the read API: each asks for an answer, and sends its bytes as they are.
 */
import type { CacheError } from "@letletme/cache"
import { type DatabaseError, Event, Match, Phase, type Season, Standing, Team } from "@letletme/fpl"
import { Effect, Layer } from "effect"
import { type HttpServerRequest, HttpServerResponse } from "effect/http"
import { HttpApiBuilder, HttpApiError } from "effect/http-api"
import { Answer, type Found } from "./Answer.ts"
import { Answers, type Said } from "./Answers.ts"
import { Api, Context, Events, Matches, Phases, Teams } from "./Api.ts"
import * as Json from "./Json.ts"
import { type Absent, nothingYet, ofFailure, overloaded, type Unavailable } from "./Problem.ts"
import { type Read, type ReadById, Reads } from "./Reads.ts"
import type { Reply } from "./Reply.ts"

const forms = {
  context: Json.make(Answer(Context)),
  events: Json.make(Answer(Events)),
  event: Json.make(Answer(Event.Event)),
  phases: Json.make(Answer(Phases)),
  phase: Json.make(Answer(Phase.Phase)),
  teams: Json.make(Answer(Teams)),
  team: Json.make(Answer(Team.Team)),
  matches: Json.make(Answer(Matches)),
  match: Json.make(Answer(Match.Match)),
  table: Json.make(Answer(Standing.Standing))
}

/** The longest that a request is worked on. */
const longest = "15 seconds"

const toResponse = ({ body, headers, status }: Reply): HttpServerResponse.HttpServerResponse =>
  body === undefined
    ? HttpServerResponse.empty({ status, headers })
    : HttpServerResponse.uint8Array(body, { status, headers, contentType: "application/json" })

/** What a handler is told, as far as an answer depends on it. */
interface Request {
  readonly request: HttpServerRequest.HttpServerRequest
  readonly headers: { readonly "if-none-match"?: string; readonly "letletme-after"?: number }
}

interface OfSeason extends Request {
  readonly query: { readonly season?: Season.Season }
}

interface ById extends OfSeason {
  readonly params: { readonly id: number }
}

type Told = Absent | Unavailable | HttpApiError.InternalServerErrorProblem

/** What a caller is told of a failure. What nobody outside can help with is in the log. */
const told = (error: CacheError | DatabaseError | Unavailable): Effect.Effect<never, Told> => {
  if (error._tag === "Unavailable") return Effect.fail(error)
  const problem = ofFailure(error)
  return problem === undefined
    ? Effect.andThen(
        Effect.logError(`An answer cannot be made: ${error.message}`),
        Effect.fail(new HttpApiError.InternalServerErrorProblem())
      )
    : Effect.fail(problem)
}

const responders = Effect.map(Answers, (answers) => {
  const respond = <A>(
    { headers, request }: Request,
    form: Json.Json<Said<A>>,
    read: Effect.Effect<Found<A>, CacheError | DatabaseError>
  ) => {
    const asked = {
      url: request.url,
      acceptEncoding: request.headers["accept-encoding"],
      ifNoneMatch: headers["if-none-match"],
      after: headers["letletme-after"] ?? 0
    }
    return answers
      .answer(asked, form, read)
      .pipe(
        Effect.timeoutOrElse({ duration: longest, orElse: () => Effect.fail(overloaded()) }),
        Effect.map(toResponse),
        Effect.catch(told)
      )
  }
  return {
    respond,
    ofSeason:
      <A>(form: Json.Json<Said<A>>, read: Read<A>) =>
      (request: OfSeason) =>
        respond(request, form, read(request.query.season)),
    byId:
      <A>(form: Json.Json<Said<A>>, read: ReadById<A>) =>
      (request: ById) =>
        respond(request, form, read(request.query.season, request.params.id))
  }
})

const context = HttpApiBuilder.group(
  Api,
  "context",
  Effect.fnUntraced(function* (handlers) {
    const { respond } = yield* responders
    const reads = yield* Reads
    return handlers.handle("get", (request) =>
      // There is always a current season, once there is one.
      Effect.catchTag(respond(request, forms.context, reads.context), "Absent", () => Effect.fail(nothingYet()))
    )
  })
)

const events = HttpApiBuilder.group(
  Api,
  "events",
  Effect.fnUntraced(function* (handlers) {
    const { byId, ofSeason } = yield* responders
    const reads = yield* Reads
    return handlers
      .handle("all", ofSeason(forms.events, reads.events))
      .handle("byId", byId(forms.event, reads.event))
      .handle("phases", byId(forms.phases, reads.phasesOfEvent))
      .handle("matches", byId(forms.matches, reads.matchesOfEvent))
  })
)

const phases = HttpApiBuilder.group(
  Api,
  "phases",
  Effect.fnUntraced(function* (handlers) {
    const { byId, ofSeason } = yield* responders
    const reads = yield* Reads
    return handlers
      .handle("all", ofSeason(forms.phases, reads.phases))
      .handle("byId", byId(forms.phase, reads.phase))
      .handle("matches", byId(forms.matches, reads.matchesOfPhase))
  })
)

const teams = HttpApiBuilder.group(
  Api,
  "teams",
  Effect.fnUntraced(function* (handlers) {
    const { byId, ofSeason } = yield* responders
    const reads = yield* Reads
    return handlers
      .handle("all", ofSeason(forms.teams, reads.teams))
      .handle("byId", byId(forms.team, reads.team))
      .handle("matches", byId(forms.matches, reads.matchesOfTeam))
  })
)

const matches = HttpApiBuilder.group(
  Api,
  "matches",
  Effect.fnUntraced(function* (handlers) {
    const { byId, ofSeason } = yield* responders
    const reads = yield* Reads
    return handlers
      .handle("unscheduled", ofSeason(forms.matches, reads.unscheduledMatches))
      .handle("live", ofSeason(forms.matches, reads.liveMatches))
      .handle("byId", byId(forms.match, reads.match))
  })
)

const table = HttpApiBuilder.group(
  Api,
  "table",
  Effect.fnUntraced(function* (handlers) {
    const { byId, ofSeason } = yield* responders
    const reads = yield* Reads
    return handlers
      .handle("overall", ofSeason(forms.table, reads.table({ _tag: "Overall" })))
      .handle("home", ofSeason(forms.table, reads.table({ _tag: "Home" })))
      .handle("away", ofSeason(forms.table, reads.table({ _tag: "Away" })))
      .handle("ofPhase", byId(forms.table, reads.tableOfPhase))
      .handle("asOf", byId(forms.table, reads.tableAsOf))
  })
)

/** The handlers of every group, over the caches in context. */
export const layer = Layer.mergeAll(context, events, phases, teams, matches, table).pipe(Layer.provide(Reads.layer))
