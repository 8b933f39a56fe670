/**
 * What a warmer tells of itself to whoever looks: the dashboard, `top`, and others. It changes nothing.
 */
import { Tag } from "@letletme/cache"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { NotFound, Unavailable } from "../admin/Problems.ts"
import { Entries, Explained, SeasonNow } from "./Answers.ts"
import { LogEntry } from "./LogEntry.ts"
import { Overview, Progress } from "./Overview.ts"

const from = <A, I>(data: Schema.Codec<A, I>) => Schema.fromJsonString(data)

/** One of the events of `GET /live/events`. An event of the log carries its position as its id. */
export const LiveEvent = Schema.Union([
  Schema.Struct({ event: Schema.Literal("overview"), data: from(Overview) }),
  Schema.Struct({ event: Schema.Literal("progress"), data: from(Progress) }),
  Schema.Struct({ event: Schema.Literal("log"), id: Schema.String, data: from(LogEntry) })
])
export type LiveEvent = typeof LiveEvent.Type

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
