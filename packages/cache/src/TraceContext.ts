/**
 * Traces that go on in another process: what began one is written beside what is announced, and taken up again by who
 * hears of it.
 *
 * Spans are made only where a tracer is provided. A read that the near cache answers has none.
 */
import { Effect, type Fiber, Option, type Tracer } from "effect"
import { Headers, HttpTraceContext } from "effect/http"

/** Whether spans go anywhere: without a tracer of its own a fiber makes none for nobody. */
export const isTracing = ({ cache }: Fiber.Fiber<unknown, unknown>): boolean =>
  cache.tracerEnabled && cache.tracer !== undefined

/** A span in W3C's form of 55 characters; `undefined` where there is none that is recorded. */
const textOf = (span: Tracer.AnySpan | undefined): string | undefined =>
  span === undefined || !span.sampled
    ? undefined
    : `00-${span.traceId.padStart(32, "0")}-${span.spanId.padStart(16, "0")}-01`

/**
 * The fiber's trace as a `traceparent` (https://www.w3.org/TR/trace-context/); `undefined` where nothing is traced.
 */
export const current: Effect.Effect<string | undefined> = Effect.withFiber((fiber) =>
  Effect.succeed(isTracing(fiber) ? textOf(fiber.cache.span) : undefined)
)

/** The span that a `traceparent` names; `undefined` for what is none, whoever wrote it. */
export const parse = (traceparent: string | undefined): Tracer.ExternalSpan | undefined =>
  traceparent === undefined
    ? undefined
    : Option.getOrUndefined(HttpTraceContext.w3c(Headers.fromRecordUnsafe({ traceparent })))

/** A key as an attribute: it may be long, and come from anybody. */
export const short = (key: string | undefined): string | undefined => key?.slice(0, 256)

// A span may be linked to many others; what exports it need not carry all of them.
const maxLinks = 32

/** What several asked for together: part of what the first does, and linked to what the others do. */
export const joined = (
  spans: ReadonlyArray<Tracer.AnySpan | undefined>
): Pick<Tracer.SpanOptionsNoTrace, "parent" | "links"> => {
  const [parent, ...others] = new Set(spans.flatMap((span) => span ?? []))
  return { parent, links: others.slice(0, maxLinks).map((span) => ({ span, attributes: {} })) }
}

/** The effect in a span, if the fiber traces anything; else as it is, and the options are not made. */
export const inSpanOf = <A, E, R>(
  fiber: Fiber.Fiber<unknown, unknown>,
  name: string,
  effect: Effect.Effect<A, E, R>,
  options: () => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> =>
  isTracing(fiber) ? Effect.withSpan(effect, name, { ...options(), captureStackTrace: false }) : effect

/** The same for the fiber that runs it. */
export const inSpan = <A, E, R>(
  name: string,
  effect: Effect.Effect<A, E, R>,
  options: () => Tracer.SpanOptionsNoTrace
): Effect.Effect<A, E, R> => Effect.withFiber((fiber) => inSpanOf(fiber, name, effect, options))

/**
 * Runs the effect in a span that goes on with the trace of another process; without one, as it is.
 *
 * @example
 * ```ts
 * import { TraceContext } from "@letletme/cache"
 * import { Effect } from "effect"
 *
 * const deliver = (message: { readonly trace?: string | undefined }) =>
 *   TraceContext.continued("deliver", message.trace, Effect.log("Delivered"))
 * ```
 */
export const continued = <A, E, R>(
  name: string,
  traceparent: string | undefined,
  effect: Effect.Effect<A, E, R>,
  attributes?: Record<string, unknown>
): Effect.Effect<A, E, R> => {
  const parent = parse(traceparent)
  return parent === undefined ? effect : inSpan(name, effect, () => ({ parent, kind: "consumer", attributes }))
}
