import { assert, describe, layer } from "@effect/vitest"
import { Arbitrary, Effect, Layer, Logger, Schema } from "effect"
import { Audit } from "@letletme/warmer/admin/Audit"
import { authorization, held, secret, send, server, type Written } from "./server.ts"

const Problem = Schema.fromJsonString(
  Schema.Struct({
    status: Schema.Int,
    title: Schema.String,
    detail: Schema.optionalKey(Schema.String),
    errors: Schema.optionalKey(
      Schema.Array(
        Schema.Struct({
          path: Schema.Array(Schema.Union([Schema.String, Schema.Finite])),
          message: Schema.String
        })
      )
    )
  })
)

const body = JSON.stringify({ tags: ["team:*"], cause: "a test" })
const path = "/admin/invalidate"
const home = "http://localhost"

interface Refusal extends Omit<Written, "path"> {
  readonly name: string
  readonly path?: string
  readonly status: number
  /** Whose attempt the audit log says it is. */
  readonly who: "stranger" | "known"
}

const refusals: ReadonlyArray<Refusal> = [
  { name: "no token", status: 401, who: "stranger" },
  { name: "another token", headers: { authorization: `Bearer ${"x".repeat(48)}` }, status: 401, who: "stranger" },
  {
    name: "the beginning of the token",
    headers: { authorization: `Bearer ${secret.slice(0, -1)}` },
    status: 401,
    who: "stranger"
  },
  { name: "more than the token", headers: { authorization: `Bearer ${secret}0` }, status: 401, who: "stranger" },
  { name: "another scheme", headers: { authorization: `Basic ${secret}` }, status: 401, who: "stranger" },
  { name: "the token in the query", path: `${path}?token=${secret}`, status: 401, who: "stranger" },
  {
    name: "another origin",
    headers: { ...authorization, origin: "https://evil.example" },
    status: 403,
    who: "stranger"
  },
  {
    name: "an origin of another port",
    headers: { ...authorization, origin: `${home}:1` },
    status: 403,
    who: "stranger"
  },
  { name: "a page without an origin", headers: { ...authorization, origin: "null" }, status: 403, who: "stranger" },
  {
    name: "another site, by the browser's word",
    headers: { ...authorization, "sec-fetch-site": "cross-site" },
    status: 403,
    who: "stranger"
  },
  {
    name: "a name bent to this address",
    headers: { ...authorization, host: "evil.example" },
    status: 403,
    who: "stranger"
  },
  {
    name: "a body that is too large",
    headers: authorization,
    body: `{"tags":["team:*"],"cause":"${"x".repeat(70_000)}"}`,
    status: 413,
    who: "known"
  },
  {
    name: "a body that is too large, in chunks",
    headers: authorization,
    body: `{"tags":["team:*"],"cause":"${"x".repeat(70_000)}"}`,
    chunked: true,
    status: 413,
    who: "known"
  },
  { name: "a body that does not end", headers: authorization, open: true, status: 408, who: "known" },
  { name: "a body that is no JSON", headers: authorization, body: '{"tags":["team:*"]', status: 400, who: "known" },
  { name: "no body", headers: authorization, body: "", status: 400, who: "known" },
  { name: "a body that is no object", headers: authorization, body: '["team:*"]', status: 400, who: "known" },
  { name: "no tag", headers: authorization, body: '{"tags":[]}', status: 400, who: "known" },
  {
    name: "another type of body",
    headers: { ...authorization, "content-type": "text/plain" },
    status: 415,
    who: "known"
  },
  {
    name: "an action that there is not",
    path: "/admin/invalidat",
    headers: authorization,
    status: 404,
    who: "stranger"
  },
  { name: "another method", method: "GET", headers: authorization, status: 404, who: "stranger" },
  ...[
    "//admin/invalidate",
    "/admin//invalidate",
    "/admin/./invalidate",
    "/health/../admin/invalidate",
    "/admin/invalidate/../invalidate",
    "/%61dmin/invalidate",
    "/admin%2finvalidate",
    "/admin/%69nvalidate",
    "/%2561dmin/invalidate",
    "/ADMIN/invalidate",
    "/admin/Invalidate",
    "/admin\\invalidate",
    "/admin;x/invalidate",
    "/admin/invalidate;x",
    "/admin/invalidate/",
    `/admin/${secret}/invalidate%00`
  ].map((trick): Refusal => ({
    name: `the path ${trick.replace(secret, "<token>")}`,
    path: trick,
    headers: authorization,
    status: 404,
    who: "stranger"
  }))
]

const lines: Array<string> = []
const captured = Logger.layer([Logger.map(Logger.formatJson, (line) => lines.push(line))])

layer(server({ limits: { patience: "300 millis", requests: 1_000 } }).pipe(Layer.provideMerge(captured)), {
  excludeTestServices: true
})("the admin API refuses", (it) => {
  for (const { name, status, who, ...refusal } of refusals) {
    it.effect(name, () =>
      Effect.gen(function* () {
        const before = yield* held
        const answer = yield* send({ path, body, ...refusal })
        assert.strictEqual(answer.status, status)
        assert.deepStrictEqual(yield* held, before)
        const [last] = yield* Audit.use(({ recent }) => recent)
        assert.strictEqual(last?.status, status)
        assert.strictEqual(last?.who === "stranger" ? "stranger" : "known", who)
        assert.strictEqual(last?.remote, "127.0.0.1")
        const [told = ""] = lines.slice(-1)
        assert.include(told, `"status":${status}`)
        assert.notInclude(JSON.stringify(last), secret)
        assert.notInclude(lines.join("\n"), secret)
        assert.strictEqual(answer.headers["cache-control"], "no-store")
        if (status === 401) assert.match(String(answer.headers["www-authenticate"]), /^Bearer/)
        if (status === 415) return
        assert.strictEqual(answer.headers["content-type"], "application/problem+json")
        assert.strictEqual((yield* Schema.decodeEffect(Problem)(answer.body)).status, status)
      })
    )
  }

  it.effect("what is wrong in a body is named by its field", () =>
    Effect.gen(function* () {
      const faults: ReadonlyArray<readonly [string, ReadonlyArray<string | number>, RegExp]> = [
        ['{"tags":["team:*"]', ["payload"], /valid JSON/],
        ['{"tags":["team:*", "match:*:28"]}', ["payload", "tags", 1], /segments joined/],
        ['{"tags":"team:*"}', ["payload", "tags"], /array/],
        ['{"cascade":true}', ["payload", "tags"], /key/],
        ['{"tags":["team:*"],"dryRun":"yes"}', ["payload", "dryRun"], /boolean/],
        ['{"tags":["team:*"],"cause":"a\\nb"}', ["payload", "cause"], /one line/],
        [`{"tags":["${"x".repeat(600)}"]}`, ["payload", "tags", 0], /512/]
      ]
      for (const [text, at, message] of faults) {
        const { errors = [] } = yield* Effect.flatMap(send({ path, body: text, headers: authorization }), (answer) =>
          Schema.decodeEffect(Problem)(answer.body)
        )
        assert.deepStrictEqual(errors[0]?.path, at)
        assert.match(errors[0]?.message ?? "", message)
      }
    })
  )

  const Slip = Schema.Struct({
    at: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: path.length - 1 })),
    how: Schema.Literals(["escaped", "twice", "capital", "detour", "doubled", "dotted", "parameter"])
  })
  const spell = (char: string, how: (typeof Slip.Type)["how"]): string => {
    const hex = char.charCodeAt(0).toString(16)
    const all = {
      escaped: `%${hex}`,
      twice: `%25${hex}`,
      capital: char.toUpperCase(),
      detour: `/x/..${char}`,
      doubled: `/${char}`,
      dotted: `/.${char}`,
      parameter: `;${char}`
    }
    return all[how]
  }

  it.effect.prop(
    "however its path is spelt, it is done plainly or not at all",
    [Arbitrary.array(Arbitrary.schema(Slip), { minLength: 1, maxLength: 3 })],
    ([slips]) =>
      Effect.gen(function* () {
        const chars: Array<string> = [...path]
        for (const { at, how } of slips) chars[at] = spell(path.charAt(at), how)
        const spelt = chars.join("")
        if (spelt === path) return
        const before = yield* held
        const { status } = yield* send({ path: spelt, body, headers: authorization })
        // What does not begin with a slash is no path to Node.
        assert.strictEqual(status, spelt.startsWith("/") ? 404 : 400, spelt)
        assert.deepStrictEqual(yield* held, before)
      }),
    { arbitrary: { runs: 150 } }
  )

  it.effect("what is no business of the API goes its way", () =>
    Effect.gen(function* () {
      const before = yield* Audit.use(({ recent }) => recent)
      assert.strictEqual((yield* send({ method: "GET", path: "/administration" })).status, 404)
      assert.strictEqual((yield* send({ method: "GET", path: "/?x=/admin/invalidate" })).status, 404)
      assert.strictEqual((yield* Audit.use(({ recent }) => recent)).length, before.length)
    })
  )
})

describe("too many requests", () => {
  layer(server({ limits: { requests: 3, window: "1 hour" } }), { excludeTestServices: true })((it) => {
    it.effect("a stranger is refused, and whoever has the token is not kept out by it", () =>
      Effect.gen(function* () {
        const before = yield* held
        const knock = send({ path, body })
        for (let count = 0; count < 3; count++) assert.strictEqual((yield* knock).status, 401)
        const refused = yield* knock
        assert.strictEqual(refused.status, 429)
        assert.isAbove(Number(refused.headers["retry-after"]), 60)
        assert.deepStrictEqual(yield* held, before)
        const [last] = yield* Audit.use(({ recent }) => recent)
        assert.deepStrictEqual([last?.status, last?.who], [429, "stranger"])

        const list = send({ method: "GET", path: "/admin/actions", headers: authorization })
        for (let count = 0; count < 3; count++) assert.strictEqual((yield* list).status, 200)
        assert.strictEqual((yield* list).status, 429)
      })
    )
  })
})
