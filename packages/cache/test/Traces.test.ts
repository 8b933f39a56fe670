import { assert, describe, it } from "@effect/vitest"
import {
  CacheManager,
  DependencyGraph,
  DomainCache,
  InvalidationLog,
  Lookup,
  Outbox,
  Tag,
  TraceContext
} from "@letletme/cache"
import { RedisServer } from "@letletme/testing"
import { Deferred, Effect, Exit, Layer, Option, Queue, Schema, Tracer } from "effect"
import { fork } from "node:child_process"
import { createServer } from "node:http"
import { text } from "node:stream/consumers"
import { join } from "node:path"
import { eventually, redis, tiers } from "./tiers.ts"

const Text = Schema.Struct({
  key: Schema.String,
  value: Schema.Struct({ stringValue: Schema.optionalKey(Schema.String) })
})
const Export = Schema.fromJsonString(
  Schema.Struct({
    resourceSpans: Schema.Array(
      Schema.Struct({
        resource: Schema.Struct({ attributes: Schema.Array(Text) }),
        scopeSpans: Schema.Array(
          Schema.Struct({
            spans: Schema.Array(
              Schema.Struct({
                name: Schema.String,
                traceId: Schema.String,
                spanId: Schema.String,
                parentSpanId: Schema.optionalKey(Schema.String)
              })
            )
          })
        )
      })
    )
  })
)

interface Received {
  readonly service: string
  readonly name: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
}

/** A collector: what is exported to it, span by span. */
const collector = Effect.gen(function* () {
  const received = yield* Queue.unbounded<Received>()
  const take = (body: string) =>
    Effect.map(Schema.decodeEffect(Export)(body), ({ resourceSpans }) => {
      for (const { resource, scopeSpans } of resourceSpans) {
        const service = resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue ?? ""
        for (const { spans } of scopeSpans) {
          for (const span of spans) Queue.offerUnsafe(received, { service, ...span })
        }
      }
    })
  const run = Effect.runPromiseWith(yield* Effect.context<never>())
  const server = createServer((request, response) => {
    void text(request)
      .then((body) => run(Effect.orDie(take(body))))
      .then(() => response.end("{}"))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      server.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () => Effect.sync(() => server.close().closeAllConnections())
  )
  const address = server.address()
  return { url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/v1/traces`, received }
})

/** A process of its own, killed with the scope. Answers once it says that it is ready, or ends. */
const start = Effect.fnUntraced(function* (role: "reader" | "writer", url: string) {
  const { port } = yield* RedisServer
  const ready = yield* Deferred.make<void>()
  const child = yield* Effect.acquireRelease(
    Effect.sync(() =>
      fork(join(import.meta.dirname, "fixtures/traced.ts"), [`${port}`, role, url], {
        execArgv: ["--conditions=@letletme/source"],
        stdio: ["ignore", "ignore", "inherit", "ipc"]
      })
    ),
    (running) => Effect.sync(() => running.kill("SIGKILL"))
  )
  const done = () => Deferred.doneUnsafe(ready, Effect.void)
  child.once("message", done)
  child.once("exit", done)
  yield* Deferred.await(ready)
})

/** A tracer that keeps what ended, in the order in which it did. */
const recording = () => {
  const ended: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      const end = span.end.bind(span)
      span.end = (time, exit) => {
        end(time, exit)
        ended.push(span)
      }
      return span
    }
  })
  return { ended, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

/** Each span as its name and those above it. */
const paths = (spans: ReadonlyArray<Tracer.NativeSpan>): Array<string> => {
  const pathOf = (span: Tracer.AnySpan): string =>
    span._tag === "ExternalSpan"
      ? ""
      : Option.match(span.parent, { onNone: () => span.name, onSome: (parent) => `${pathOf(parent)} > ${span.name}` })
  return spans.map(pathOf)
}

class Values extends DomainCache.Service<Values>()("test/Values", {
  graph: DependencyGraph.make({ value: [] }),
  domain: "value",
  id: Schema.String,
  value: Schema.String,
  timeToLive: "metadata",
  lookupMany: (questions) =>
    Effect.withSpan(Effect.succeed(questions.map(({ id }) => Lookup.found(`the value of ${id}`))), "SELECT")
}) {}

describe.each(["memory", "redis"] as const)("traces over %s", (tier) => {
  const app = (tracer: Layer.Layer<never>) =>
    Values.layer.pipe(Layer.provideMerge(tiers[tier]()), Layer.provideMerge(tracer))

  it.live("a read that nobody can answer shows near cache, store, source and fill; a hit shows nothing", () => {
    const { ended, layer } = recording()
    return Effect.gen(function* () {
      const values = yield* Values
      yield* Effect.withSpan(values.get("a"), "request")
      // The entry goes to the store while its reader has it already.
      const all = yield* eventually(
        Effect.filterOrFail(
          Effect.sync(() => paths(ended)),
          ({ length }) => length === 6
        )
      )
      assert.sameMembers(all, [
        "request > DomainCache.read > CacheStore.read",
        "request > DomainCache.read > DomainCache.load > SELECT",
        "request > DomainCache.read > DomainCache.load",
        "request > DomainCache.read > CacheStore.fill",
        "request > DomainCache.read",
        "request"
      ])
      const read = ended.find(({ name }) => name === "DomainCache.read")
      assert.deepInclude(Object.fromEntries(read?.attributes ?? []), {
        "cache.domain": "value",
        "cache.near": "missed"
      })

      ended.length = 0
      yield* Effect.withSpan(
        Effect.all([values.get("a"), values.getMany(["a", "a"]), values.find("a"), values.peek("a")]),
        "request"
      )
      assert.deepStrictEqual(paths(ended), ["request"])
      // It is answered where it is asked for, traced or not.
      assert.deepStrictEqual(Effect.runSyncExit(values.get("a")), Exit.succeed("the value of a"))

      ended.length = 0
      yield* Effect.withSpan(values.get("a", { skip: "near" }), "request")
      assert.sameMembers(paths(ended), [
        "request > DomainCache.read > CacheStore.read",
        "request > DomainCache.read",
        "request"
      ])
    }).pipe(Effect.scoped, Effect.provide(app(layer)))
  })

  it.live("a load that several share is part of the first one's trace, and linked to the others'", () => {
    const { ended, layer } = recording()
    return Effect.gen(function* () {
      const values = yield* Values
      const one = (name: string) => Effect.withSpan(values.get(name), name)
      yield* Effect.all([one("b"), one("c")], { concurrency: 2 })
      const load = ended.find(({ name }) => name === "DomainCache.load")
      assert.include(paths(ended), "b > DomainCache.read > DomainCache.load")
      assert.strictEqual(load?.links.length, 1)
      const other = ended.find(({ spanId }) => spanId === load?.links[0]?.span.spanId)
      assert.deepStrictEqual(paths(other === undefined ? [] : [other]), ["c > DomainCache.read"])
    }).pipe(Effect.scoped, Effect.provide(app(layer)))
  })

  it.live("an entry of the log carries the trace of its append; without a tracer it carries none", () => {
    const { ended, layer } = recording()
    return Effect.gen(function* () {
      const manager = yield* CacheManager
      const log = yield* InvalidationLog
      const invalidate = manager.invalidate({ primary: Tag.of("value", "a") })
      const traced = yield* log.at(yield* invalidate)
      const span = ended.find(({ name }) => name === "CacheManager.invalidate")
      assert.strictEqual(traced?.trace, `00-${span?.traceId}-${span?.spanId}-01`)
      assert.strictEqual(traced?.trace?.length, 55)
      const untraced = yield* log.at(yield* Effect.withTracerEnabled(invalidate, false))
      assert.notProperty(untraced, "trace")
    }).pipe(Effect.scoped, Effect.provide(app(layer)))
  })
})

describe("a trace of two processes", () => {
  it.live("goes from an update by outbox, log and view to what is loaded again", () =>
    Effect.gen(function* () {
      const { received, url } = yield* collector
      yield* start("reader", url)
      yield* start("writer", url)
      const spans = new Map<string, Received>()
      const pathOf = ({ name, parentSpanId, service }: Received): ReadonlyArray<string> => {
        const parent = spans.get(parentSpanId ?? "")
        return [...(parent === undefined ? [] : pathOf(parent)), `${service}: ${name}`]
      }
      const wanted = [
        "writer: request",
        "writer: OutboxRelay.deliver",
        "writer: CacheManager.commit",
        "reader: LiveView.apply",
        "reader: Refresh.run",
        "reader: DomainCache.read",
        "reader: DomainCache.load"
      ]
      const isThere = (span: Received) => pathOf(span).join(" > ") === wanted.join(" > ")
      while (![...spans.values()].some(isThere)) {
        const span = yield* Queue.take(received)
        spans.set(span.spanId, span)
      }
      const loaded = [...spans.values()].find(isThere)
      const ofTrace = [...spans.values()].filter(({ traceId }) => traceId === loaded?.traceId)
      assert.includeMembers(
        ofTrace.map(({ name, service }) => `${service}: ${name}`),
        wanted
      )
    }).pipe(Effect.scoped, Effect.timeout("20 seconds"), Effect.provide(redis))
  )
})

describe("TraceContext", () => {
  it("takes up what is a traceparent, and nothing else", () => {
    const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"]
    assert.deepInclude(TraceContext.parse(`00-${traceId}-${spanId}-01`), { traceId, spanId, sampled: true })
    for (const hostile of [
      "",
      "00",
      `01-${traceId}-${spanId}-01`,
      `00-${traceId}-${spanId}-01-more`,
      "x".repeat(1e6)
    ]) {
      assert.isUndefined(TraceContext.parse(hostile))
    }
    assert.isUndefined(TraceContext.parse(`00-${"0".repeat(32)}-${spanId}-01`))
  })

  it.effect("an outbox keeps the trace of the commit", () => {
    const { ended, layer } = recording()
    return Effect.gen(function* () {
      const outbox = yield* Outbox
      yield* Effect.withSpan(outbox.put({ tags: [Tag.of("a", "b")], cause: "update" }), "commit")
      yield* Effect.withTracerEnabled(outbox.put({ tags: [Tag.of("a", "b")], cause: "update" }), false)
      const [first, second] = yield* outbox.pending(2)
      assert.strictEqual(TraceContext.parse(first?.trace)?.spanId, ended[0]?.spanId)
      assert.isUndefined(second?.trace)
    }).pipe(Effect.provide(Layer.merge(Outbox.layerMemory, layer)))
  })
})
