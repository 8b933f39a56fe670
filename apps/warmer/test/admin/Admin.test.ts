import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { assert, layer } from "@effect/vitest"
import { CacheManager, Leadership, Tag } from "@letletme/cache"
import * as Client from "@letletme/warmer/admin/Client"
import { SeasonTeams } from "@letletme/fpl"
import { Context, Effect, Layer, Redacted, Schema, Stream } from "effect"
import { HttpServer } from "effect/http"
import { authorization, held, secret, send, server, serverOf } from "./server.ts"

const client = Effect.flatMap(HttpServer.HttpServer, ({ address }) =>
  Client.make(HttpServer.formatAddress(address), Redacted.make(secret))
)

/** What an action came to, once it has ended. */
const last = Effect.fnUntraced(function* (id: string) {
  const { follow } = yield* client
  const steps = yield* Stream.runCollect(yield* follow({ params: { id } }))
  const { outcome, progress, state } = steps.at(-1) ?? assert.fail("no step")
  assert.deepStrictEqual([state, progress.done], ["done", progress.total])
  return outcome
})

const OpenApi = Schema.fromJsonString(
  Schema.Struct({
    openapi: Schema.String,
    paths: Schema.Record(
      Schema.String,
      Schema.Record(
        Schema.String,
        Schema.Struct({
          responses: Schema.Record(Schema.String, Schema.Unknown),
          security: Schema.Array(Schema.Record(Schema.String, Schema.Array(Schema.String)))
        })
      )
    )
  })
)

const team = Tag.of("team", "2030-31:7")

layer(server({ limits: { requests: 1_000 } }).pipe(Layer.provideMerge(NodeHttpClient.layerUndici)), {
  excludeTestServices: true,
  timeout: "60 seconds"
})("the admin API", (it) => {
  it.effect("warms, and tells each step until the end", () =>
    Effect.gen(function* () {
      const { actions, follow, warm } = yield* client
      const { id, kind, state } = yield* warm({})
      assert.deepStrictEqual([kind, state], ["warm", "running"])
      const steps = yield* Stream.runCollect(yield* follow({ params: { id } }))
      const last = steps.at(-1)
      assert.strictEqual(last?.state, "done")
      const outcome = last?.outcome
      assert.strictEqual(outcome?._tag, "Warmed")
      if (outcome?._tag !== "Warmed") return
      assert.isAbove(outcome.report.loaded, 500)
      assert.strictEqual(last?.progress.done, last?.progress.total)
      assert.strictEqual((yield* actions({}))[0]?.id, id)
      assert.strictEqual((yield* Effect.flip(follow({ params: { id: "warm-0" } })))._tag, "NotFound")
    })
  )

  it.effect("a dry run tells the reach and changes nothing; the invalidation then reaches as much", () =>
    Effect.gen(function* () {
      const manager = yield* CacheManager
      const { audit, invalidate } = yield* client
      const before = yield* manager.position
      const dry = yield* invalidate({ payload: { tags: [team], dryRun: true } })
      assert.strictEqual(yield* manager.position, before)
      assert.isNull(dry.position)
      assert.include(dry.tags, "match:team:2030-31:7:*")
      assert.deepInclude(dry.reach, { team: 1, match: 38, event: 0 })
      const alone = yield* invalidate({ payload: { tags: [team], cascade: false, dryRun: true } })
      assert.deepInclude(alone.reach, { team: 1, match: 0 })

      const [done, response] = yield* invalidate({
        payload: { tags: [team], cause: "a wrong name" },
        responseMode: "decoded-and-response"
      })
      // What the read API takes as `letletme-after`.
      assert.strictEqual(response.headers["letletme-position"], `${done.position}`)
      assert.deepStrictEqual(done.tags, dry.tags)
      assert.strictEqual(done.position, yield* manager.position)
      const [explanation] = yield* manager.explain(team)
      assert.strictEqual(explanation?.state, "invalidated")
      assert.strictEqual(explanation?.invalidation?.cause, "a wrong name")
      const again = yield* invalidate({ payload: { tags: [team], dryRun: true } })
      assert.deepInclude(again.reach, { team: 0, match: 0 })
      const [entry] = yield* audit({})
      assert.include(entry?.note, "dry run of team:2030-31:7")
      assert.match(entry?.who ?? "", /^[0-9a-f]{8}$/)
    })
  )

  it.effect("verifies, finds what is wrong, and repairs it", () =>
    Effect.gen(function* () {
      const { repair, verify } = yield* client
      const found = yield* last((yield* verify({})).id)
      // What the invalidation before this reached.
      assert.isFalse(found?._tag === "Verified" && found.report.isClean)
      const mended = yield* last((yield* repair({})).id)
      assert.isTrue(mended?._tag === "Repaired" && mended.first.mended > 38 && mended.second.isClean)
    })
  )

  it.effect("recovers, and opens and ends a maintenance window", () =>
    Effect.gen(function* () {
      const { beginMaintenance, endMaintenance, maintenance, recover } = yield* client
      const recovered = yield* last((yield* recover({ params: { problem: "performance" } })).id)
      assert.isTrue(recovered?._tag === "Recovered" && recovered.resolved)
      assert.isNull(yield* maintenance({}))
      assert.strictEqual((yield* Effect.flip(endMaintenance({})))._tag, "NotFound")
      const { id } = yield* beginMaintenance({})
      const maintained = yield* last(id)
      assert.isTrue(maintained?._tag === "Maintained" && maintained.resolved)
      assert.strictEqual((yield* maintenance({}))?.id, id)
    })
  )

  it.effect("hands over, and leads again where there is nobody else", () =>
    Effect.gen(function* () {
      const leadership = yield* Leadership
      const { handOver } = yield* client
      assert.deepStrictEqual(yield* handOver({}), { leader: leadership.name, isAnother: false })
      assert.isTrue(yield* leadership.isLeading)
    })
  )

  it.effect("hands over to another candidate, and leaves to it what the leader does", () =>
    Effect.gen(function* () {
      const { handOver, verify } = yield* client
      const other = Context.get(yield* Layer.build(Layer.fresh(Leadership.layer({ lease: "600 millis" }))), Leadership)
      assert.deepStrictEqual(yield* handOver({}), { leader: other.name, isAnother: true })
      assert.isTrue(yield* other.isLeading)
      const refused = yield* Effect.flip(verify({}))
      assert.strictEqual(refused._tag === "NotLeading" && refused.leader, other.name)
      const again = yield* Effect.flip(handOver({}))
      assert.strictEqual(again._tag === "NotLeading" && again.leader, other.name)
    }).pipe(Effect.scoped)
  )

  it.effect("explains a key, reads settings again, and says what it cannot do", () =>
    Effect.gen(function* () {
      const { explain, reload, rotate } = yield* client
      const { because, entry, key, state } = yield* explain({ query: { key: team } })
      assert.deepStrictEqual([key, state], [team, "fresh"])
      assert.include(because, "fresh for another")
      assert.isAbove(entry?.tags.length ?? 0, 0)
      const unknown = yield* Effect.flip(explain({ query: { key: Tag.of("player", "1") } }))
      assert.strictEqual(unknown._tag, "NotFound")
      assert.deepStrictEqual(yield* reload({}), { applied: [], waiting: [] })
      assert.strictEqual((yield* Effect.flip(rotate({})))._tag, "NotEncrypted")
    })
  )

  it.effect("serves its contract, to whoever asks from this machine", () =>
    Effect.gen(function* () {
      const { body, status } = yield* send({ method: "GET", path: "/admin/openapi.json" })
      assert.strictEqual(status, 200)
      const { openapi, paths } = yield* Schema.decodeEffect(OpenApi)(body)
      assert.match(openapi, /^3\.1/)
      const secured = Object.values(paths).flatMap((methods) => Object.values(methods))
      assert.isAbove(secured.length, 5)
      for (const { responses, security } of secured) {
        assert.deepStrictEqual(security, [{ bearer: [] }])
        assert.includeMembers(Object.keys(responses), ["400", "401", "413", "429"])
      }
    })
  )
})

const elsewhere = Layer.succeed(
  Leadership,
  Leadership.of({
    name: "this",
    state: Effect.succeed({ _tag: "StandingBy", leader: "w2.3f0c9a52" }),
    isLeading: Effect.succeed(false),
    changes: Stream.never,
    whileLeading: () => Effect.never,
    handOver: Effect.succeed(false)
  })
)

const settings = { CACHE_ENCRYPTION_KEYS: `2026-11:${Buffer.alloc(32, 7).toString("base64")}` }

layer(server({ leadership: elsewhere, settings }).pipe(Layer.provideMerge(NodeHttpClient.layerUndici)), {
  excludeTestServices: true
})("the admin API of one that stands by", (it) => {
  it.effect("does what any process may do, and names the leader for the rest", () =>
    Effect.gen(function* () {
      const { actions, handOver, invalidate, repair, verify, warm } = yield* client
      for (const begin of [warm, verify, repair]) {
        const problem = yield* Effect.flip(begin({}))
        assert.strictEqual(problem._tag === "NotLeading" && problem.leader, "w2.3f0c9a52")
      }
      assert.deepStrictEqual(yield* actions({}), [])
      assert.isNumber((yield* invalidate({ payload: { tags: [team] } })).position)
      const problem = yield* Effect.flip(handOver({}))
      assert.strictEqual(problem._tag === "NotLeading" && problem.leader, "w2.3f0c9a52")
    })
  )

  it.effect("rotates what is encrypted", () =>
    Effect.gen(function* () {
      const { rotate } = yield* client
      yield* SeasonTeams.use(({ get }) => get("2030-31"))
      const outcome = yield* last((yield* rotate({})).id)
      assert.deepStrictEqual(outcome, {
        _tag: "Rotated",
        key: "2026-11",
        seen: 1,
        current: 1,
        renewed: 0,
        removed: 0,
        overtaken: 0
      })
    })
  )
})

layer(serverOf({}), { excludeTestServices: true })("the admin API without a token", (it) => {
  it.effect("is off, says what turns it on, and does nothing", () =>
    Effect.gen(function* () {
      const before = yield* held
      for (const [method, path] of [
        ["POST", "/admin/invalidate"],
        ["GET", "/admin/audit"],
        ["GET", "/admin/openapi.json"],
        ["GET", "/admin"]
      ] as const) {
        const { body, status } = yield* send({ method, path, headers: authorization, body: '{"tags":["team:*"]}' })
        assert.strictEqual(status, 503)
        assert.include(body, "The admin API is off: state LETLETME_ADMIN_TOKEN")
      }
      assert.deepStrictEqual(yield* held, before)
    })
  )
})
