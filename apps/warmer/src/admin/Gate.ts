/**
 * The gate of the admin API: how a path is written and whence a request comes, before any route is looked for. Whatever
 * means the API leaves a line in the audit log, also where it meets no route.
 */
import { Effect, Exit, Option } from "effect"
import { HttpRouter, HttpServerError, HttpServerRequest, HttpServerRespondable, HttpServerResponse } from "effect/http"
import { Audit } from "./Audit.ts"
import { Attempt } from "./Authorization.ts"
import { Forbidden, NotFound } from "./Problems.ts"

const plain = /^\/admin(?:\/[a-z\d-]+(?:\.json)?)*$/
// So often a path may be escaped and still be understood.
const deepest = 4

/** The path as the most lenient reader might take it: unescaped, without detours and capitals. */
const lenient = (path: string): string => {
  let text = path
  for (let depth = 0; depth < deepest; depth++) {
    text = text.replaceAll(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  }
  const segments: Array<string> = []
  for (const segment of text.toLowerCase().split(/[/\\]+/)) {
    if (segment === "..") segments.pop()
    else if (segment !== "" && segment !== ".") segments.push(segment)
  }
  return `/${segments.join("/")}`
}

const own = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i

/** Whether a page of another origin sent it, or one whose name was bent to this address. */
const isForeign = ({ headers }: HttpServerRequest.HttpServerRequest): boolean => {
  const { host = "", origin } = headers
  if (!own.test(host)) return true
  if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) return true
  const site = headers["sec-fetch-site"]
  return site !== undefined && site !== "same-origin" && site !== "none"
}

const headers = { "cache-control": "no-store", "x-content-type-options": "nosniff" }

const isNotFound = (error: unknown): error is HttpServerError.HttpServerError =>
  HttpServerError.isHttpServerError(error) && error.reason._tag === "RouteNotFound"

const unknown = new NotFound({ detail: "There is no such action: see /admin/openapi.json." })

/** Stands before every route of the server. */
export const layer = HttpRouter.middleware(
  Effect.gen(function* () {
    const audit = yield* Audit
    return (effect) =>
      Effect.gen(function* () {
        const request = yield* HttpServerRequest.HttpServerRequest
        const path = request.url.split(/[?#]/, 1)[0] ?? ""
        if (!/^\/admin(?:[/;]|$)/.test(lenient(path))) return yield* effect

        let who = "stranger"
        const notes: Array<string> = []
        const attempt: Attempt = {
          identify: (name) =>
            Effect.sync(() => {
              who = name
            }),
          note: (text) =>
            Effect.sync(() => {
              notes.push(text)
            })
        }
        const record = (status: number) =>
          audit.record({
            who,
            remote: Option.getOrElse(request.remoteAddress, () => "unknown"),
            what: `${request.method} ${path}`,
            status,
            note: notes.join(" ")
          })
        const refuse = (problem: Forbidden | NotFound) =>
          Effect.andThen(attempt.note(problem.message), HttpServerRespondable.toResponse(problem))

        const passed = isForeign(request)
          ? refuse(new Forbidden({ detail: "Call it from this machine, and from no page of another origin." }))
          : plain.test(path)
            ? Effect.provideService(effect, Attempt, attempt).pipe(Effect.catchIf(isNotFound, () => refuse(unknown)))
            : refuse(new NotFound({ detail: "Write the path plainly." }))
        return yield* passed.pipe(
          Effect.map(HttpServerResponse.setHeaders(headers)),
          Effect.onExit((exit) =>
            Exit.isSuccess(exit)
              ? record(exit.value.status)
              : Effect.flatMap(HttpServerError.causeResponse(exit.cause), ([response]) => record(response.status))
          )
        )
      })
  }),
  { global: true }
)
