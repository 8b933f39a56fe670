import { assert, describe, layer } from "@effect/vitest"
import { CurrentSeason, DatabaseError, Unreadable } from "@letletme/fpl"
import { Ajv2020 } from "ajv/dist/2020.js"
import { Effect, Layer, Logger, Schema } from "effect"
import { FetchHttpClient } from "effect/http"
import { OpenApi } from "effect/http-api"
import { Api } from "@letletme/api/Api"
import * as Client from "@letletme/api/Client"
import * as Server from "@letletme/api/Server"
import { address, ask, caches, empty, json, options, type Response, season, served } from "./stack.ts"

/** The part of an OpenAPI document that says what is asked and answered. */
const Body = Schema.Struct({ schema: Schema.Record(Schema.String, Schema.Unknown) })
const Described = Schema.Struct({
  headers: Schema.optionalKey(Schema.Record(Schema.String, Schema.Unknown)),
  content: Schema.optionalKey(Schema.Record(Schema.String, Body))
})
const Operation = Schema.Struct({
  operationId: Schema.String,
  summary: Schema.String,
  parameters: Schema.Array(Schema.Struct({ name: Schema.String, in: Schema.Literals(["path", "query", "header"]) })),
  responses: Schema.Record(Schema.String, Described)
})
const Document = Schema.Struct({
  openapi: Schema.String,
  paths: Schema.Record(Schema.String, Schema.Struct({ get: Operation })),
  components: Schema.Struct({ schemas: Schema.Record(Schema.String, Schema.Unknown) })
})

const document = Schema.decodeUnknownSync(Document)(OpenApi.fromApi(Api))
const ajv = new Ajv2020({ strict: false }).addSchema({ ...document, $id: "openapi" })

/** Whether a response is one that the document describes for its status. */
const conforms = (operation: typeof Operation.Type, response: Response): void => {
  const described = operation.responses[`${response.status}`]
  assert.isDefined(described, `${operation.operationId} answers ${response.status}, which is not described`)
  for (const name of Object.keys(described?.headers ?? {})) {
    assert.isDefined(response.headers[name], `${operation.operationId} ${response.status} lacks ${name}`)
  }
  const [type] = Object.keys(described?.content ?? {})
  if (type === undefined) return assert.strictEqual(response.bytes.length, 0)
  assert.strictEqual(response.headers["content-type"], type)
  const schema = JSON.stringify(described?.content?.[type]?.schema).replaceAll('"#/', '"openapi#/')
  const check = ajv.compile(JSON.parse(schema))
  assert.isTrue(check(json(response)), `${operation.operationId} ${response.status}: ${ajv.errorsText(check.errors)}`)
}

const operations = Object.entries(document.paths).map(([path, { get }]) => ({
  path: path.replace("{id}", "3"),
  get,
  isById: path.includes("{id}"),
  ofSeason: get.parameters.some(({ in: place, name }) => place === "query" && name === "season")
}))

/** Caches that fail in a way that asking again does not mend. */
const broken = Layer.effect(
  CurrentSeason,
  Effect.map(CurrentSeason, (real) => {
    const reason = new Unreadable({ operation: "reading", detail: "a row that nobody can read" })
    return CurrentSeason.of({ ...real, get: () => Effect.fail(new DatabaseError({ reason })) })
  })
).pipe(Layer.provideMerge(caches))

describe("the contract", () => {
  layer(served, { excludeTestServices: true })((it) => {
    it.effect("the document is OpenAPI 3.1, and is served as it is", () =>
      Effect.gen(function* () {
        assert.match(document.openapi, /^3\.1\./)
        const response = yield* ask(yield* address, "/openapi.json")
        assert.deepStrictEqual(json(response), JSON.parse(JSON.stringify(OpenApi.fromApi(Api))))
      })
    )

    it.effect("every operation documents 200, 304, 400, 500 and 503, and 404 where there is something to miss", () =>
      Effect.sync(() => {
        assert.strictEqual(operations.length, 19)
        for (const { get, ofSeason } of operations) {
          const statuses = ["200", "304", "400", ...(ofSeason ? ["404"] : []), "500", "503"]
          assert.deepStrictEqual(Object.keys(get.responses).toSorted(), statuses, get.operationId)
          assert.isAbove(get.summary.length, 0)
        }
      })
    )

    for (const { get, isById, ofSeason, path } of operations) {
      it.effect(`${get.operationId} answers as described: 200, 304, 400${ofSeason ? ", 404" : ""}`, () =>
        Effect.gen(function* () {
          const base = yield* address
          const found = yield* ask(base, path)
          assert.strictEqual(found.status, 200)
          conforms(get, found)
          const unchanged = yield* ask(base, path, { headers: { "if-none-match": String(found.headers["etag"]) } })
          assert.strictEqual(unchanged.status, 304)
          conforms(get, unchanged)
          const head = yield* ask(base, path, { method: "HEAD" })
          assert.deepStrictEqual([head.status, head.bytes.length], [200, 0])
          assert.strictEqual(head.headers["etag"], found.headers["etag"])
          const wrong = yield* ask(base, path, { headers: { "letletme-after": "soon" } })
          assert.strictEqual(wrong.status, 400)
          conforms(get, wrong)
          if (!ofSeason) return
          const unknown = yield* ask(base, `${path}?page=2`)
          assert.strictEqual(unknown.status, 400)
          conforms(get, unknown)
          const missing = yield* ask(base, isById ? path.replace("3", "9999") : `${path}?season=1999-00`)
          assert.strictEqual(missing.status, 404)
          conforms(get, missing)
        })
      )
    }

    it.effect("the typed client decodes every answer, and tells apart what failed", () =>
      Effect.gen(function* () {
        const client = yield* Client.make(yield* address).pipe(Effect.provide(FetchHttpClient.layer))
        const ofSeason = { query: { season }, headers: {} }
        const byId = { params: { id: 3 }, ...ofSeason }
        const answers = [
          yield* client.context.get({ query: {}, headers: {} }),
          yield* client.events.all(ofSeason),
          yield* client.events.byId(byId),
          yield* client.events.phases(byId),
          yield* client.events.matches(byId),
          yield* client.phases.all(ofSeason),
          yield* client.phases.byId(byId),
          yield* client.phases.matches(byId),
          yield* client.teams.all(ofSeason),
          yield* client.teams.byId(byId),
          yield* client.teams.matches(byId),
          yield* client.matches.unscheduled(ofSeason),
          yield* client.matches.live(ofSeason),
          yield* client.matches.byId(byId),
          yield* client.table.overall(ofSeason),
          yield* client.table.home(ofSeason),
          yield* client.table.away(ofSeason),
          yield* client.table.ofPhase(byId),
          yield* client.table.asOf(byId)
        ]
        assert.strictEqual(answers.length, operations.length)
        for (const { body, headers } of answers) {
          assert.deepInclude(body, { season, source: "simulated" })
          assert.isAtMost(body.revision, headers["letletme-position"])
        }
        const { headers } = yield* client.table.overall(ofSeason)
        const again = { ...ofSeason, headers: { "if-none-match": headers.etag } }
        const failures = [
          yield* Effect.flip(client.table.overall(again)),
          yield* Effect.flip(client.teams.byId({ ...byId, params: { id: 9999 } }))
        ]
        assert.deepStrictEqual(
          failures.map((failure) =>
            Schema.is(Schema.Struct({ _tag: Schema.String }))(failure) ? failure._tag : failure
          ),
          ["NotModified", "Absent"]
        )
      })
    )
  })

  layer(Server.layer(options).pipe(Layer.provide(empty)), { excludeTestServices: true })((it) => {
    for (const { get, path } of operations) {
      it.effect(`${get.operationId} answers 503 as described while nothing is known`, () =>
        Effect.gen(function* () {
          const response = yield* ask(yield* address, path)
          assert.strictEqual(response.status, 503)
          assert.match(String(response.headers["retry-after"]), /^[1-9]\d*$/)
          conforms(get, response)
        })
      )
    }
  })

  layer(Server.layer(options).pipe(Layer.provide(broken), Layer.provide(Logger.layer([]))), {
    excludeTestServices: true
  })((it) => {
    for (const { get, path } of operations) {
      it.effect(`${get.operationId} answers 500 as described, and says nothing of what is inside`, () =>
        Effect.gen(function* () {
          const response = yield* ask(yield* address, path)
          assert.strictEqual(response.status, 500)
          assert.notInclude(response.bytes.toString(), "row")
          conforms(get, response)
        })
      )
    }
  })
})
