/**
 * What a warmer tells of itself to whoever looks: the dashboard, `top`, and others. It changes nothing.
 */
import { Tag } from "@letletme/cache"
import { Match, Season, Standing } from "@letletme/fpl"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { NotFound, Unavailable } from "../admin/Problems.ts"
import { Overview, Progress } from "./Overviews.ts"
import { LogEntry } from "./Tail.ts"

const from = <A, I>(data: Schema.Codec<A, I>) => Schema.fromJsonString(data)

/** One of the events of `GET /live/events`. An event of the log carries its position as its id. */
export const LiveEvent = Schema.Union([
  Schema.Struct({ event: Schema.Literal("overview"), data: from(Overview) }),
  Schema.Struct({ event: Schema.Literal("progress"), data: from(Progress) }),
  Schema.Struct({ event: Schema.Literal("log"), id: Schema.String, data: from(LogEntry) })
])
export type LiveEvent = typeof LiveEvent.Type

/** What a tier holds of a key, and why it counts or does not. */
export const Explained = Schema.Struct({
  key: Schema.String,
  storeKey: Schema.String,
  tier: Schema.Literals(["near", "store", "none"]),
  state: Schema.Literals(["fresh", "expired", "invalidated", "missing", "corrupt"]),
  because: Schema.String,
  position: Schema.Finite,
  entry: Schema.NullOr(
    Schema.Struct({
      stamp: Schema.Finite,
      absent: Schema.Boolean,
      /** Epoch milliseconds. */
      createdAt: Schema.Finite,
      freshUntil: Schema.Finite,
      expiresAt: Schema.Finite,
      bytes: Schema.Finite,
      /** Each with the last position that reached it; 0 is never. */
      tags: Schema.Array(Schema.Struct({ tag: Schema.String, reachedAt: Schema.Finite }))
    })
  ),
  invalidation: Schema.NullOr(
    Schema.Struct({
      tag: Schema.String,
      position: Schema.Finite,
      cause: Schema.NullOr(Schema.String),
      by: Schema.NullOr(Schema.String)
    })
  )
}).annotate({ identifier: "Explained" })

/** Keys of the store, in their order. */
export const Entries = Schema.Struct({
  keys: Schema.Array(Schema.String),
  /** How many there are of this domain. */
  total: Schema.Int
}).annotate({ identifier: "Entries" })

/** The season as a fan sees it: where the game is, the table, and the matches of a gameweek. */
export const SeasonNow = Schema.Struct({
  season: Season.Season,
  gameweek: Schema.NullOr(
    Schema.Struct({ id: Schema.Int, name: Schema.String, deadline: Schema.Finite, finished: Schema.Boolean })
  ),
  /** Epoch milliseconds of the next deadline. */
  nextDeadline: Schema.NullOr(Schema.Finite),
  teams: Schema.Array(Schema.Struct({ id: Schema.Int, name: Schema.String, shortName: Schema.String })),
  matches: Schema.Array(Match.Match),
  table: Standing.Standing
}).annotate({ identifier: "SeasonNow" })

const count = (most: number) =>
  Schema.FiniteFromString.check(Schema.isInt(), Schema.isBetween({ minimum: 1, maximum: most }))

const group = HttpApiGroup.make("live", { topLevel: true })
  .add(
    HttpApiEndpoint.get("overview", "/overview", { success: Overview }).annotate(
      OpenApi.Description,
      "Everything at a glance: health with its reasons, the graph with its counts, the log, warming, memory."
    ),
    HttpApiEndpoint.get("events", "/events", {
      headers: { "last-event-id": Schema.optionalKey(Schema.String) },
      success: HttpApiSchema.StreamSse({ events: LiveEvent })
    }).annotate(
      OpenApi.Description,
      "Server-sent events: the overview every second, each step of warming and verifying, and each entry of the log. Whoever lost the connection gets what came meanwhile, as far as it is kept."
    ),
    HttpApiEndpoint.get("entries", "/entries", {
      query: {
        domain: Schema.String.check(Schema.isMaxLength(64)),
        /** Only keys that contain this. */
        search: Schema.optionalKey(Schema.String.check(Schema.isMaxLength(200))),
        limit: Schema.optionalKey(count(1_000))
      },
      success: Entries,
      error: [Unavailable]
    }).annotate(OpenApi.Description, "The keys of a domain that the store holds."),
    HttpApiEndpoint.get("explain", "/explain", {
      query: { key: Tag.Tag.check(Schema.isMaxLength(512)) },
      success: Explained,
      error: [NotFound, Unavailable]
    }).annotate(OpenApi.Description, "Why an entry is fresh, stale or absent."),
    HttpApiEndpoint.get("season", "/season", { success: SeasonNow, error: [Unavailable] }).annotate(
      OpenApi.Description,
      "The gameweek at hand and the league table, read from the caches at one position."
    )
  )
  .prefix("/live")
  .middleware(HttpApiMiddleware.ProblemDetails)

/** The live API. */
export class LiveApi extends HttpApi.make("live")
  .add(group)
  .annotateMerge(
    OpenApi.annotations({
      title: "LetLetMe Cache: live",
      version: "1",
      description: "What a warmer tells of itself. It changes nothing."
    })
  ) {}
