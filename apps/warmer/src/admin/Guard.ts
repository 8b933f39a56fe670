/**
 * The guard of the admin API's routes: the token, how many requests came, and the body, before any of it is read.
 */
import { ByteSize, Duration, Effect, Fiber, Layer, Redacted } from "effect"
import { HttpEffect, HttpServerRequest, HttpServerResponse } from "effect/http"
import { RateLimiter } from "effect/persistence"
import { Attempt, Authorization } from "./Authorization.ts"
import { TooLarge, TooMany, TooSlow, Unauthorized } from "./Problems.ts"
import { Token } from "./Token.ts"

/** What is let through. */
export interface Limits {
  /** Bytes of a body. Default: 64 KiB. */
  readonly body?: number | undefined
  /** How long a body may take to come. Default: 10 seconds. */
  readonly patience?: Duration.Input | undefined
  /** Requests at once, with the token and without it each; as many grow again within `window`. Default: 60. */
  readonly requests?: number | undefined
  /** Default: 1 minute. */
  readonly window?: Duration.Input | undefined
}

const withHeader = (name: string, value: string) =>
  HttpEffect.appendPreResponseHandler((_, response) =>
    Effect.succeed(HttpServerResponse.setHeader(response, name, value))
  )

/** The guard over the token in context. */
export const layer = (limits: Limits = {}): Layer.Layer<Authorization, never, Token> =>
  Layer.effect(
    Authorization,
    Effect.gen(function* () {
      const token = yield* Token
      const limiter = yield* RateLimiter.RateLimiter
      const { body = 65_536, requests = 60, window = "1 minute" } = limits
      const patience = Duration.fromInputUnsafe(limits.patience ?? "10 seconds")

      /** Strangers have a bucket of their own: they cannot keep out who has the token. */
      const consume = Effect.fnUntraced(function* (who: string) {
        const taken = yield* Effect.result(
          limiter.consume({ algorithm: "token-bucket", key: who, limit: requests, window })
        )
        if (taken._tag === "Success" || taken.failure.reason._tag !== "RateLimitExceeded") return
        const retryAfter = Math.max(1, Math.ceil(Duration.toSeconds(taken.failure.reason.retryAfter)))
        yield* withHeader("retry-after", `${retryAfter}`)
        return yield* new TooMany({ retryAfter, detail: `Try again in ${retryAfter} s.` })
      })

      /** Reads the body, which the request then holds: no more of it than may be. */
      const receive = Effect.fnUntraced(function* (request: HttpServerRequest.HttpServerRequest) {
        const tooLarge = new TooLarge({ detail: `A body may have ${body} bytes.` })
        if (Number(request.headers["content-length"] ?? 0) > body) return yield* tooLarge
        // Interrupted, it would end the connection before the refusal is sent.
        const received = yield* request.arrayBuffer.pipe(
          Effect.provideService(HttpServerRequest.MaxBodySize, ByteSize.bytes(body)),
          Effect.mapError(() => tooLarge),
          Effect.forkScoped
        )
        const tooSlow = new TooSlow({ detail: `The body did not come within ${Duration.format(patience)}.` })
        yield* Effect.timeoutOrElse(Fiber.join(received), { duration: patience, orElse: () => Effect.fail(tooSlow) })
      })

      return Authorization.of({
        bearer: Effect.fnUntraced(function* (httpEffect, { credential }) {
          const attempt = yield* Attempt
          const request = yield* HttpServerRequest.HttpServerRequest
          const refuse = <E extends { readonly message: string }>(problem: E) =>
            Effect.andThen(attempt.note(problem.message), Effect.fail(problem))
          const isKnown = token.matches(credential)
          if (isKnown) yield* attempt.identify(token.fingerprint)
          yield* Effect.catch(consume(isKnown ? "known" : "stranger"), refuse)
          if (!isKnown) {
            yield* withHeader("www-authenticate", 'Bearer realm="admin"')
            const presented = Redacted.value(credential) === "" ? "No token came with it." : "It is another token."
            return yield* refuse(new Unauthorized({ detail: `${presented} Send the one of the server as Bearer.` }))
          }
          yield* Effect.catch(receive(request), refuse)
          return yield* httpEffect
        })
      })
    })
  ).pipe(Layer.provide(RateLimiter.layer), Layer.provide(RateLimiter.layerStoreMemory))
