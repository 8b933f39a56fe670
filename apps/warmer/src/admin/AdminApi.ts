/**
 * The admin API's contract, for the server, its OpenAPI document, and typed clients.
 */
import { Tag } from "@letletme/cache"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { problems } from "../Recoveries.ts"
import { AuditEntry } from "./Audit.ts"
import { Authorization } from "./Authorization.ts"
import { LogEvent } from "./LogTail.ts"
import { Busy, NotEncrypted, NotFound, NotLeading, Unavailable, WrongSettings } from "./Problems.ts"
import { Action, Explanation } from "./Reports.ts"

const maxTags = 1_000

/** Why something is invalidated, for the log. */
export const Cause = Schema.String.check(
  Schema.isPattern(/^[^\p{Cc}]{1,200}$/u, { message: "Expected 1 to 200 characters on one line" })
)

/** What to invalidate. */
export const Invalidation = Schema.Struct({
  tags: Schema.Array(Tag.Tag.check(Schema.isMaxLength(512))).check(
    Schema.isMinLength(1, { message: "Expected at least one tag, such as team:2030-31:7" }),
    Schema.isMaxLength(maxTags, { message: `Expected at most ${maxTags} tags` })
  ),
  /** Reaches what was made from these too, by the graph. Default: true. */
  cascade: Schema.optionalKey(Schema.Boolean),
  /** Why, for the log. Default: `admin`. */
  cause: Schema.optionalKey(Cause),
  /** Tells what it would reach, and changes nothing. Default: false. */
  dryRun: Schema.optionalKey(Schema.Boolean)
}).annotate({ identifier: "Invalidation" })

/** What an invalidation reached, or would reach. */
export const Invalidated = Schema.Struct({
  dryRun: Schema.Boolean,
  /** Every tag of the append. */
  tags: Schema.Array(Schema.String),
  /** The log's position; none of a dry run. */
  position: Schema.NullOr(Schema.Finite),
  /** Of a dry run: for each domain and list, how many entries that are valid now would not be any more. */
  reach: Schema.NullOr(Schema.Record(Schema.String, Schema.Finite))
}).annotate({ identifier: "Invalidated" })

/** Who leads after a leader gave the lead away. */
export const HandedOver = Schema.Struct({
  /** The one that leads now, where it is known within 10 seconds. */
  leader: Schema.NullOr(Schema.String),
  /** Whether it is another one: where there is none, this one leads again. */
  isAnother: Schema.Boolean
}).annotate({ identifier: "HandedOver" })

/** What came of settings that were read again. */
export const Reloaded = Schema.Struct({
  /** These are in force now. */
  applied: Schema.Array(Schema.String),
  /** These wait for a restart. */
  waiting: Schema.Array(Schema.String)
}).annotate({ identifier: "Reloaded" })

const Position = Schema.FiniteFromString.check(Schema.isInt(), Schema.isGreaterThanOrEqualTo(0))

const started = Action.pipe(HttpApiSchema.status(202))

/** Which of the two an action did not begin for. */
const refusals = [Busy, NotLeading] as const

const group = HttpApiGroup.make("admin", { topLevel: true })
  .add(
    HttpApiEndpoint.post("invalidate", "/invalidate", {
      payload: Invalidation,
      success: Invalidated
    }).annotate(OpenApi.Description, "Invalidates tags in one append; with `dryRun`, tells what that would reach."),
    HttpApiEndpoint.post("warm", "/warm", { success: started, error: refusals }).annotate(
      OpenApi.Description,
      "Begins to ask the source, and to load what is missing or invalid. The leader's alone."
    ),
    HttpApiEndpoint.post("verify", "/verify", { success: started, error: refusals }).annotate(
      OpenApi.Description,
      "Begins to look at every entry, beside the source. The leader's alone."
    ),
    HttpApiEndpoint.post("repair", "/repair", { success: started, error: refusals }).annotate(
      OpenApi.Description,
      "Begins to mend whatever is not right, and to look again. The leader's alone."
    ),
    HttpApiEndpoint.post("rotate", "/rotate", { success: started, error: [Busy, NotEncrypted] }).annotate(
      OpenApi.Description,
      "Begins to encrypt anew what is under an older key, and to delete what cannot be read."
    ),
    HttpApiEndpoint.post("recover", "/recovery/:problem", {
      params: { problem: Schema.Literals(problems) },
      success: started,
      error: [Busy]
    }).annotate(OpenApi.Description, "Begins a recovery procedure: a check, and remedies until it finds nothing."),
    HttpApiEndpoint.get("maintenance", "/maintenance", { success: Schema.NullOr(Action) }).annotate(
      OpenApi.Description,
      "The latest maintenance window that was opened here, if there is one."
    ),
    HttpApiEndpoint.post("beginMaintenance", "/maintenance", { success: started, error: [Busy] }).annotate(
      OpenApi.Description,
      "Opens a maintenance window: reads settings, mends and removes what is left over, looks at memory."
    ),
    HttpApiEndpoint.delete("endMaintenance", "/maintenance", { success: Action, error: [NotFound] }).annotate(
      OpenApi.Description,
      "Ends the window that is open, wherever it is."
    ),
    HttpApiEndpoint.post("handOver", "/handover", { success: HandedOver, error: [NotLeading] }).annotate(
      OpenApi.Description,
      "Gives the lead to another process, and stands aside for half a lease."
    ),
    HttpApiEndpoint.post("reload", "/reload", { success: Reloaded, error: [WrongSettings] }).annotate(
      OpenApi.Description,
      "Reads the settings again, and puts in force what may change while the process runs."
    ),
    HttpApiEndpoint.get("explain", "/explain", {
      query: { key: Tag.Tag.check(Schema.isMaxLength(512)) },
      success: Explanation,
      error: [NotFound]
    }).annotate(OpenApi.Description, "Why an entry is fresh, stale or absent."),
    HttpApiEndpoint.get("log", "/log", {
      query: { from: Schema.optionalKey(Position) },
      headers: { "last-event-id": Schema.optionalKey(Position) },
      success: HttpApiSchema.StreamSse({ events: LogEvent, error: Unavailable })
    }).annotate(
      OpenApi.Description,
      "Server-sent events: the invalidation log after `from` or `Last-Event-ID`, as far as it is kept, and as it grows."
    ),
    HttpApiEndpoint.get("actions", "/actions", { success: Schema.Array(Action) }).annotate(
      OpenApi.Description,
      "The latest actions of this process, newest first."
    ),
    HttpApiEndpoint.get("follow", "/actions/:id", {
      params: { id: Schema.String },
      success: HttpApiSchema.StreamSse({ data: Action }),
      error: [NotFound]
    }).annotate(OpenApi.Description, "Server-sent events: the action as it is now, and with each step until its end."),
    HttpApiEndpoint.get("audit", "/audit", { success: Schema.Array(AuditEntry) }).annotate(
      OpenApi.Description,
      "The latest attempts on this API, newest first."
    )
  )
  .prefix("/admin")
  .middleware(HttpApiMiddleware.ProblemDetails)
  .middleware(Authorization)

/** The admin API. */
export class AdminApi extends HttpApi.make("admin")
  .add(group)
  .annotateMerge(
    OpenApi.annotations({
      title: "LetLetMe Cache: admin API",
      version: "1",
      description: "Changes what a warmer keeps. Every request brings the token, and leaves a line in the audit log."
    })
  ) {}
