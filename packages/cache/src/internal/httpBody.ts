/**
 * Response bodies, read into memory up to a bound.
 */
import { type Array as Arr, Effect, Exit, Pull, Scope, Stream } from "effect"
import { Cookies, type HttpClientError, HttpClientResponse } from "effect/http"
import type { Fields } from "./httpRules.ts"

type Response = HttpClientResponse.HttpClientResponse
type Failure = HttpClientError.HttpClientError

/** A body, or, where it is longer than the bound, the same response with nothing of it lost. */
export type Body =
  | { readonly _tag: "Whole"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly _tag: "Longer"; readonly response: Response }

const isEmpty = (error: Failure): boolean => error.reason._tag === "EmptyBodyError"

// A response of such a status has no body, and one must not be given to it.
const hasBody = (status: number): boolean => status !== 204 && status !== 205 && status !== 304

/** A response of these parts, to a request. */
export const respond = (
  request: Response["request"],
  {
    body,
    cookies,
    headers,
    status
  }: {
    readonly status: number
    readonly headers: Fields
    readonly body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | undefined
    readonly cookies?: Cookies.Cookies | undefined
  }
): Response => {
  const fields = Object.entries(headers).filter(([name]) => cookies === undefined || name !== "set-cookie")
  const set = cookies === undefined ? [] : Cookies.toSetCookieHeaders(cookies)
  const init = { status, headers: [...fields, ...set.map((cookie): [string, string] => ["set-cookie", cookie])] }
  return HttpClientResponse.fromWeb(request, new globalThis.Response(hasBody(status) ? body : null, init))
}

/** Reads a body of at most so many bytes. */
export const read = Effect.fnUntraced(function* (response: Response, limit: number): Effect.fn.Return<Body, Failure> {
  if (Number(response.headers["content-length"] ?? 0) > limit) return { _tag: "Longer", response }
  const scope = yield* Scope.make()
  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<Uint8Array>, Failure> = yield* Scope.provide(
    Stream.toPull(Stream.catchIf(response.stream, isEmpty, () => Stream.empty)),
    scope
  )
  const chunks: Array<Uint8Array> = []
  const close = Scope.close(scope, Exit.void)
  const fill: Effect.Effect<boolean, Failure> = Effect.gen(function* () {
    let bytes = 0
    while (bytes <= limit) {
      for (const chunk of yield* pull) {
        chunks.push(chunk)
        bytes += chunk.length
      }
    }
    return false
  }).pipe(Pull.catchDone(() => Effect.succeed(true)))
  const isWhole = yield* Effect.onExit(fill, (exit) => (Exit.isSuccess(exit) && !exit.value ? Effect.void : close))
  if (isWhole) return { _tag: "Whole", bytes: new Uint8Array(Buffer.concat(chunks)) }
  const all = Stream.concat(Stream.fromIterable(chunks), Stream.fromPull(Effect.succeed(pull))).pipe(
    Stream.ensuring(close)
  )
  const body = yield* Stream.toReadableStreamEffect(all)
  const { cookies, headers, request, status } = response
  return { _tag: "Longer", response: respond(request, { status, headers, body, cookies }) }
})
