/**
 * The FPL API as a source: two requests a revision, in time, at a modest rate, and only whole answers accepted.
 */
import { Clock, Config, Duration, Effect, Layer, Schedule, Semaphore, Stream } from "effect"
import { HttpClient, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { Season } from "../season/Season.ts"
import { assemble, type SeasonRevision } from "../season/SeasonRevision.ts"
import { FplSource } from "./FplSource.ts"
import { Malformed, SourceError, Timeout, Unavailable } from "./SourceError.ts"

/**
 * How the API is asked. Durations are milliseconds.
 *
 * @experimental
 */
export interface Options {
  /** What the data has to be of; where none is stated, the data's own season, which changes each summer. */
  readonly season: Season | undefined
  /** The address that `bootstrap-static/` and `fixtures/` are below. */
  readonly baseUrl: string
  /** For a whole answer, its body included. */
  readonly timeout: number
  /** Between the starts of two requests: 250 is four a second. */
  readonly spacing: number
  /** How often a request that failed for a passing reason is sent again. */
  readonly retries: number
  /** What answers at that address, for people. */
  readonly description: string
}

const defaults: Options = {
  season: undefined,
  baseUrl: "https://fantasy.premierleague.com/api/",
  timeout: 10_000,
  spacing: 250,
  retries: 3,
  description: "the FPL API"
}

// A name with bytes replaced would pass for a name.
const utf8 = new TextDecoder("utf-8", { fatal: true })
const maxBytes = 16 * 1024 * 1024
// A server that asks for a longer pause is asked again by the next poll, not by this one.
const maxRetryAfter = 10_000

/** Reads Retry-After: seconds, or a date of HTTP (RFC 9110, section 10.2.3). */
const retryAfterOf = (header: string | undefined, now: number): number | null => {
  if (header === undefined) return null
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? null : Math.max(0, date - now)
}

const make = (options: Options) =>
  Effect.gen(function* () {
    const client = yield* HttpClient.HttpClient
    const clock = yield* Clock.Clock
    const turns = yield* Semaphore.make(1)
    let nextTurn = 0

    // One request after another, never sooner than the spacing after the last one began.
    const turn = turns.withPermit(
      Effect.suspend(() => {
        const now = clock.currentTimeMillisUnsafe()
        const wait = Math.max(0, nextTurn - now)
        nextTurn = now + wait + options.spacing
        return Effect.sleep(wait)
      })
    )

    const unavailable = (
      what: string,
      detail: string,
      status: number | null = null,
      retryAfter: number | null = null
    ) => new SourceError({ reason: new Unavailable({ what, detail, status, retryAfter }) })

    const body = (what: string, response: HttpClientResponse.HttpClientResponse) =>
      Effect.gen(function* () {
        let size = 0
        const chunks: Array<Uint8Array> = []
        yield* Stream.runForEach(response.stream, (chunk) => {
          size += chunk.length
          if (size > maxBytes) {
            const detail = `it is larger than ${maxBytes / 1024 / 1024} MB`
            return Effect.fail(new SourceError({ reason: new Malformed({ what, detail }) }))
          }
          chunks.push(chunk)
          return Effect.void
        }).pipe(
          Effect.catchTag("HttpClientError", () =>
            Effect.fail(new SourceError({ reason: new Malformed({ what, detail: "it is cut off" }) }))
          )
        )
        return yield* Effect.try({
          try: () => utf8.decode(Buffer.concat(chunks)),
          catch: () => new SourceError({ reason: new Malformed({ what, detail: "it is not UTF-8" }) })
        })
      })

    const ask = (what: string): Effect.Effect<string, SourceError> =>
      Effect.gen(function* () {
        yield* turn
        const request = HttpClientRequest.get(new URL(`${what}/`, options.baseUrl)).pipe(
          HttpClientRequest.setHeader("accept", "application/json")
        )
        const response = yield* Effect.mapError(client.execute(request), ({ message, reason }) => {
          const cause = reason.cause instanceof Error ? reason.cause.message : message
          return unavailable(what, `there is no connection to ${request.url} (${cause}): check the network`)
        })
        if (response.status === 200) return yield* body(what, response)
        const retryAfter = retryAfterOf(response.headers["retry-after"], clock.currentTimeMillisUnsafe())
        return yield* unavailable(what, "the server refuses", response.status, retryAfter)
      }).pipe(
        Effect.timeoutOrElse({
          duration: options.timeout,
          orElse: () => Effect.fail(new SourceError({ reason: new Timeout({ what, millis: options.timeout }) }))
        })
      )

    const again = ({ reason }: SourceError): boolean =>
      reason._tag === "Timeout" ||
      (reason._tag === "Unavailable" &&
        (reason.status === null || reason.status === 429 || reason.status >= 500) &&
        (reason.retryAfter ?? 0) <= maxRetryAfter)

    // The next try waits as long as the server asks to be left alone, where it does.
    const backoff = Schedule.exponential("200 millis").pipe(
      Schedule.jittered,
      Schedule.setInputType<SourceError>(),
      Schedule.modifyDelay(({ duration, input: { reason } }) =>
        Effect.succeed(
          reason._tag === "Unavailable" && reason.retryAfter !== null
            ? Duration.max(duration, Duration.millis(reason.retryAfter))
            : duration
        )
      )
    )

    const get = (what: string): Effect.Effect<string, SourceError> =>
      Effect.retry(ask(what), { schedule: backoff, times: options.retries, while: again })

    return FplSource.of({
      season: options.season,
      description: `${options.description} at ${options.baseUrl}`,
      fetch: Effect.fn("FplApi.fetch")(function* (previous?: SeasonRevision) {
        const bootstrap = yield* get("bootstrap-static")
        const fixtures = yield* get("fixtures")
        const time = clock.currentTimeMillisUnsafe()
        return yield* assemble({ season: options.season, time, bootstrap, fixtures, previous })
      })
    })
  })

/**
 * The API with these options over the HTTP client in context.
 *
 * @experimental
 */
export const layer = (options: Partial<Options> = {}): Layer.Layer<FplSource, never, HttpClient.HttpClient> =>
  Layer.effect(FplSource, make({ ...defaults, ...options }))

/**
 * The API as the environment says: `FPL_SEASON`, `FPL_BASE_URL`, `FPL_TIMEOUT`. A variable that does not fit fails the
 * layer with a `ConfigError` that names it.
 *
 * @experimental
 */
export const layerConfig: Layer.Layer<FplSource, Config.ConfigError, HttpClient.HttpClient> = Layer.effect(
  FplSource,
  Effect.gen(function* () {
    const stated = yield* Config.all({
      season: Config.withDefault(Config.schema(Season, "FPL_SEASON"), undefined),
      baseUrl: Config.withDefault(Config.String("FPL_BASE_URL"), defaults.baseUrl),
      timeout: Config.withDefault(Config.Duration("FPL_TIMEOUT"), Duration.millis(defaults.timeout))
    })
    return yield* make({ ...defaults, ...stated, timeout: Duration.toMillis(stated.timeout) })
  })
)
