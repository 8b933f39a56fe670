/**
 * The admin API's contract, for the server, its OpenAPI document, and typed clients.
 */
import { Tag } from "@letletme/cache"
import { Schema } from "effect"
import { HttpApi, HttpApiEndpoint, HttpApiGroup, HttpApiMiddleware, HttpApiSchema, OpenApi } from "effect/http-api"
import { AuditEntry } from "./Audit.ts"
import { Authorization } from "./Authorization.ts"
import { Busy, NotFound, NotLeading, Unavailable } from "./Problems.ts"
import { Action } from "./Reports.ts"

const maxTags = 1_000

/** What to invalidate. */
export const Invalidation = Schema.Struct({
  tags: Schema.Array(Tag.Tag.check(Schema.isMaxLength(512))).check(
    Schema.isMinLength(1, { message: "Expected at least one tag, such as team:2030-31:7" }),
    Schema.isMaxLength(maxTags, { message: `Expected at most ${maxTags} tags` })
  ),
  /** Reaches what was made from these too, by the graph. Default: true. */
  cascade: Schema.optionalKey(Schema.Boolean),
  /** Why, for the log. Default: `admin`. */
  cause: Schema.optionalKey(
    Schema.String.check(
      Schema.isPattern(/^[^\p{Cc}]{1,200}$/u, { message: "Expected 1 to 200 characters on one line" })
    )
  ),
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

const started = Action.pipe(HttpApiSchema.status(202))

/** Which of the two an action did not begin for. */
const refusals = [Busy, NotLeading, Unavailable] as const

const group = HttpApiGroup.make("admin", { topLevel: true })
  .add(
    HttpApiEndpoint.post("invalidate", "/invalidate", {
      payload: Invalidation,
      success: Invalidated,
      error: [Unavailable]
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
