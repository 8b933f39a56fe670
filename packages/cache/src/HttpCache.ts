/**
 * An `HttpClient` that keeps responses by the rules of HTTP (RFC 9111), in the cache in context: shared by its processes,
 * and invalidated by tags.
 */
import { Clock, Duration, Effect, Layer, Option, Result, Schema, type Scope } from "effect"
import { HttpClient, type HttpClientError, HttpClientRequest, type HttpClientResponse } from "effect/http"
import { CacheManager } from "./CacheManager.ts"
import * as DependencyGraph from "./DependencyGraph.ts"
import type { ReadOptions } from "./Domain.ts"
import * as httpBody from "./internal/httpBody.ts"
import * as rules from "./internal/httpRules.ts"
import * as segment from "./internal/segment.ts"
import * as Lookup from "./Lookup.ts"
import type { Position } from "./Position.ts"
import * as Tag from "./Tag.ts"

/**
 * How responses are kept.
 *
 * @experimental
 */
export interface Options {
  /** The first segment of the keys. Two clients of one name share what they keep. Default: `"http"`. */
  readonly domain?: string | undefined
  /**
   * Whether one response may answer several users: then what is `private` is not kept, nor what needed an `Authorization`
   * unless the origin allows it. Default: true, as the store is shared.
   */
  readonly shared?: boolean | undefined
  /** The most bytes of a body that is kept. A longer one passes through. Default: 1 MiB. */
  readonly maxBodyBytes?: number | undefined
  /** How long a stale response with an `ETag` or `Last-Modified` is kept to be checked. Default: one day. */
  readonly keepForChecks?: Duration.Input | undefined
  /** How long an exchange may take that others wait for, its body included. Default: 30 seconds. */
  readonly timeout?: Duration.Input | undefined
  /** What a response depends on: invalidating one of these makes it invalid, however fresh it is. */
  readonly tags?:
    | ((
        request: HttpClientRequest.HttpClientRequest,
        response: HttpClientResponse.HttpClientResponse
      ) => ReadonlyArray<Tag.Tag>)
    | undefined
  /** `"strong"` asks the log before each answer: no acknowledged invalidation of any process is missed. */
  readonly consistency?: ReadOptions["consistency"]
}

const Fields = Schema.Record(Schema.String, Schema.String)

const Kept = Schema.TaggedStruct("Response", {
  status: Schema.Int,
  headers: Fields,
  /** Empty where the response has none. */
  body: Schema.Uint8ArrayFromBase64,
  requestedAt: Schema.Finite,
  receivedAt: Schema.Finite,
  storedAt: Schema.Finite,
  /** What it was chosen by, as `rules.variant` names it. */
  variant: Schema.String,
  /** How long it may be of use (ms). */
  usefulFor: Schema.Finite,
  tags: Schema.Array(Tag.Tag)
})
type Kept = typeof Kept.Type

/** By which header fields of a request the responses of a URL vary. */
const Varying = Schema.TaggedStruct("Varying", { names: Schema.Array(Schema.String) })

const Stored = Schema.Union([Kept, Varying])
type Stored = typeof Stored.Type

type Request = HttpClientRequest.HttpClientRequest
type Response = HttpClientResponse.HttpClientResponse
type Failure = HttpClientError.HttpClientError

const withoutFragment = (url: URL): string => url.href.slice(0, url.href.length - url.hash.length)

const idOf = (url: URL, rest: string): string => `${segment.of(url.host)}:${rules.digest(withoutFragment(url))}:${rest}`

/**
 * The pattern that reaches every response of a URL, to invalidate it by hand.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { CacheManager } from "@letletme/cache"
 * import * as HttpCache from "@letletme/cache/HttpCache"
 *
 * const teams = HttpCache.tagOf(new URL("https://api.example.com/teams"))
 * const forget = CacheManager.use((manager) => manager.invalidate({ primary: teams }))
 * ```
 */
export const tagOf = (url: URL, domain = "http"): Tag.Tag =>
  Tag.any(domain, segment.of(url.host), rules.digest(withoutFragment(url)))

// Clocks of processes may differ by so much: an entry that is younger than this counts as loaded meanwhile.
const slack = 1_000

// Who asks so wants the origin's answer to just that.
const bypassing = ["if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"]

// What an origin that fails answers: RFC 5861, 4.
const failures = new Set([500, 502, 503, 504])

/** What came of an exchange: a response to keep, or one that only who asked may have. */
type Outcome =
  | { readonly _tag: "Keep"; readonly kept: Kept; readonly response: Response }
  | { readonly _tag: "Pass"; readonly response: Response; readonly held: Lookup.Answer<Stored> }

/**
 * Makes a client keep responses. Freshness, checks by `ETag` and `Last-Modified`, `Vary`, `stale-while-revalidate`,
 * `stale-if-error` and what unsafe methods invalidate are those of RFC 9111 and RFC 5861; nothing is guessed to be fresh.
 *
 * Of concurrent requests for what is not kept one is sent, across processes too, and its response answers those that it
 * may. Requests with a body, a `Range` or conditions of their own pass through. A cookie is given to nobody but who asked.
 * Where the cache fails, requests go to the origin: it adds no error of its own.
 *
 * Wrap the client that sends, and put `filterStatusOk`, retries and the like around the wrapped one: a 304 has to come
 * through.
 *
 * @experimental
 */
export const make = Effect.fnUntraced(function* (
  options: Options = {}
): Effect.fn.Return<(client: HttpClient.HttpClient) => HttpClient.HttpClient, never, CacheManager | Scope.Scope> {
  const { consistency, domain = "http", maxBodyBytes = 1_048_576, shared = true, tags = () => [] } = options
  const forChecks = Duration.toMillis(options.keepForChecks ?? Duration.days(1))
  const manager = yield* CacheManager
  const clock = yield* Clock.Clock
  const scope = yield* Effect.scope
  const now = () => clock.currentTimeMillisUnsafe()
  const responses = yield* manager.open({
    graph: DependencyGraph.make({ [domain]: [] }),
    domain,
    id: Schema.String,
    value: Stored,
    // The rules say how long: this only bounds it.
    timeToLive: Duration.days(365),
    adaptive: (stored) => (stored._tag === "Response" ? stored.usefulFor : Duration.days(365)),
    absentTimeToLive: 0,
    grace: 0,
    jitter: 0,
    staleWhileRevalidate: "none",
    staleIfUnavailable: "none",
    lookupTimeout: options.timeout ?? "30 seconds",
    // A key does not tell the request: who checks the entries learns nothing here.
    lookup: () => Effect.succeed(Lookup.notModified)
  })

  const reading: ReadOptions = consistency === undefined ? {} : { consistency }
  const peek = (id: string) => Effect.orElseSucceed(responses.peek(id, reading), () => Option.none<Stored>())

  const isFor = (request: Request, stored: Stored | undefined): stored is Kept =>
    stored?._tag === "Response" && stored.variant === rules.variant(rules.varying(stored.headers), request.headers)

  const answer = (request: Request, kept: Kept): Response => {
    const age = `${Math.floor(rules.age(kept, now()) / 1_000)}`
    const body = request.method === "HEAD" ? undefined : new Uint8Array(kept.body)
    return httpBody.respond(request, { ...kept, headers: { ...kept.headers, age }, body })
  }

  const keptOf = (
    request: Request,
    answered: rules.Answered,
    body: Uint8Array,
    stated: ReadonlyArray<Tag.Tag>
  ): Kept => ({
    ...answered,
    _tag: "Response",
    body,
    storedAt: now(),
    variant: rules.variant(rules.varying(answered.headers), request.headers),
    usefulFor: rules.usefulFor(answered, now(), shared, forChecks),
    tags: stated
  })

  /** What is held, as it is: the origin said nothing of it. */
  const stillHeld = (held: Kept | undefined): Lookup.Answer<Stored> => {
    if (held === undefined) return Lookup.absent
    const usefulFor = rules.usefulFor(held, now(), shared, forChecks)
    return Lookup.found<Stored>({ ...held, storedAt: now(), usefulFor }, { tags: held.tags })
  }

  /** Asks the origin, conditionally where something is held. */
  const exchange = Effect.fnUntraced(function* (
    send: (request: Request) => Effect.Effect<Response, Failure>,
    request: Request,
    held: Kept | undefined
  ): Effect.fn.Return<Outcome, Failure> {
    const requestedAt = now()
    const isForErrors = () => held !== undefined && rules.isForErrors(request, held, now(), shared)
    const conditions = held === undefined ? {} : rules.conditions(held)
    const sent = yield* Effect.result(send(HttpClientRequest.setHeaders(request, conditions)))
    if (held !== undefined && isForErrors() && (Result.isFailure(sent) || failures.has(sent.success.status))) {
      return { _tag: "Pass", response: answer(request, held), held: stillHeld(held) }
    }
    if (Result.isFailure(sent)) return yield* sent.failure
    const response = sent.success
    const { cookies, headers, status } = response
    const receivedAt = now()
    if (held !== undefined && status === 304) {
      // It speaks of something else: what is held is of no use.
      if (!rules.confirms(held, response)) return yield* exchange(send, request, undefined)
      const fields = rules.freshened(held.headers, headers)
      const confirmed = { status: held.status, headers: fields, requestedAt, receivedAt }
      const kept = keptOf(request, confirmed, held.body, held.tags)
      const live = httpBody.respond(request, { ...confirmed, body: new Uint8Array(held.body), cookies })
      return rules.isStorable(request, confirmed, shared)
        ? { _tag: "Keep", kept, response: live }
        : { _tag: "Pass", response: live, held: Lookup.absent }
    }
    const answered = { status, headers: rules.kept(headers), requestedAt, receivedAt }
    const replaced = failures.has(status) ? stillHeld(held) : Lookup.absent
    if (!rules.isStorable(request, answered, shared)) return { _tag: "Pass", response, held: replaced }
    const body = yield* httpBody.read(response, maxBodyBytes)
    if (body._tag === "Longer") return { _tag: "Pass", response: body.response, held: replaced }
    const kept = keptOf(request, answered, body.bytes, tags(request, response))
    return { _tag: "Keep", kept, response: httpBody.respond(request, { status, headers, cookies, body: body.bytes }) }
  })

  /** Notes by what the responses of a URL vary: from then on each variant has an entry of its own. */
  const noteVarying = Effect.fnUntraced(function* (
    url: URL,
    known: ReadonlyArray<string>,
    kept: Kept,
    readAt: Position
  ) {
    const names = [...new Set([...known, ...rules.varying(kept.headers)])].toSorted()
    if (names.length === known.length) return
    yield* Effect.ignore(responses.put(idOf(url, "varying"), { _tag: "Varying", names }, { readAt }))
  })

  /** Asks the origin once for all who ask now, and keeps what may be kept. */
  const ask = (
    send: (request: Request) => Effect.Effect<Response, Failure>,
    request: Request,
    url: URL,
    names: ReadonlyArray<string>,
    held: Kept | undefined
  ): Effect.Effect<Response, Failure> =>
    Effect.suspend(() => {
      let own: Result.Result<Response, Failure> | undefined
      const load = Effect.gen(function* () {
        const readAt = yield* manager.position
        const outcome = yield* Effect.result(exchange(send, request, held))
        own = Result.map(outcome, ({ response }) => response)
        // A failure is that of one origin: told to the cache, it would count against all of them.
        if (Result.isFailure(outcome)) return stillHeld(held)
        if (outcome.success._tag === "Pass") return outcome.success.held
        const { kept } = outcome.success
        yield* noteVarying(url, names, kept, readAt)
        return Lookup.found<Stored>(kept, { tags: kept.tags })
      })
      const maxAge = held === undefined ? {} : { maxAge: Math.max(0, now() - held.storedAt - slack) }
      const loaded = responses.getOrLoad(idOf(url, rules.variant(names, request.headers)), load, {
        ...reading,
        ...maxAge
      })
      return Effect.flatMap(Effect.option(loaded), (found): Effect.Effect<Response, Failure> => {
        if (own !== undefined) return Effect.fromResult(own)
        const stored = Option.getOrUndefined(found)
        const isOfUse = isFor(request, stored) && rules.useOf(request, stored, now(), shared) === "answer"
        if (isOfUse) return Effect.succeed(answer(request, stored))
        // What another caller was answered is not for this one.
        return Effect.map(exchange(send, request, held), ({ response }) => response)
      })
    })

  const serve = Effect.fnUntraced(function* (
    send: (request: Request) => Effect.Effect<Response, Failure>,
    request: Request,
    url: URL
  ): Effect.fn.Return<Response, Failure> {
    const varying = Option.getOrUndefined(yield* peek(idOf(url, "varying")))
    const names = varying?._tag === "Varying" ? varying.names : []
    const ids = new Set([names, []].map((some) => idOf(url, rules.variant(some, request.headers))))
    let held: Kept | undefined
    for (const id of ids) {
      const stored = Option.getOrUndefined(yield* peek(id))
      if (isFor(request, stored)) {
        held = stored
        break
      }
    }
    const use = held === undefined ? "check" : rules.useOf(request, held, now(), shared)
    if (held !== undefined && use !== "check") {
      if (use === "answer-and-check") {
        const check = HttpClientRequest.setMethod(request, "GET")
        yield* Effect.forkIn(Effect.ignore(ask(send, check, url, names, held)), scope)
      }
      return answer(request, held)
    }
    if (rules.wantsStoredOnly(request)) return httpBody.respond(request, { status: 504, headers: {}, body: undefined })
    return request.method === "HEAD" ? yield* send(request) : yield* ask(send, request, url, names, held)
  })

  const invalidate = Effect.fnUntraced(function* (method: string, url: URL, response: Response) {
    const urls = rules.invalidates(method, url, response)
    if (urls.length === 0) return
    const batch = urls.map((one) => ({ primary: tagOf(one, domain) }))
    yield* manager
      .invalidate(batch, { cause: `${method} ${url.origin}${url.pathname}` })
      .pipe(
        Effect.catch((error) =>
          Effect.logWarning(
            `${method} ${url.origin}${url.pathname} did not invalidate what is kept of it: ${error.message}`
          )
        )
      )
  })

  const handle = (
    send: (request: Request) => Effect.Effect<Response, Failure>,
    request: Request
  ): Effect.Effect<Response, Failure> => {
    const url = Option.getOrUndefined(HttpClientRequest.toUrl(request))
    const { body, headers, method } = request
    if (url === undefined) return send(request)
    if (method !== "GET" && method !== "HEAD") {
      return Effect.tap(send(request), (response) => invalidate(method, url, response))
    }
    const isPlain = body._tag === "Empty" && bypassing.every((name) => headers[name] === undefined)
    return isPlain ? serve(send, request, url) : send(request)
  }

  return (client) => {
    const send = (request: Request) => client.postprocess(Effect.succeed(request))
    return HttpClient.makeWith(
      Effect.flatMap((request) => handle(send, request)),
      client.preprocess
    )
  }
})

/**
 * The client in context, keeping responses: see {@link make}.
 *
 * @experimental
 *
 * @example
 * ```ts
 * import { Effect, Layer } from "effect"
 * import { FetchHttpClient, HttpClient } from "effect/http"
 * import { CacheManager, Tag } from "@letletme/cache"
 * import * as HttpCache from "@letletme/cache/HttpCache"
 *
 * const season = Tag.of("season", "2030-31")
 * const client = HttpCache.layer({ tags: () => [season] }).pipe(
 *   Layer.provide(FetchHttpClient.layer),
 *   Layer.provideMerge(CacheManager.layerMemory)
 * )
 * const program = Effect.gen(function* () {
 *   const http = yield* HttpClient.HttpClient
 *   const manager = yield* CacheManager
 *   yield* http.get("https://api.example.com/teams")
 *   // from here on nobody is answered with what was kept
 *   yield* manager.invalidate({ primary: season })
 *   return yield* http.get("https://api.example.com/teams")
 * }).pipe(Effect.provide(client))
 * ```
 */
export const layer = (
  options: Options = {}
): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient | CacheManager> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.gen(function* () {
      const client = yield* HttpClient.HttpClient
      return (yield* make(options))(client)
    })
  )
