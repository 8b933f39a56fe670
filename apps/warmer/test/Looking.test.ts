import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it, layer } from "@effect/vitest"
import { ExitCode } from "@letletme/command"
import { DependencyGraph } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { changesOf } from "@letletme/warmer/commands/diff"
import { toSvg } from "@letletme/warmer/Drawing"
import { Context, Effect, FileSystem, Layer, Schema } from "effect"
import { runHere } from "./inProcess.ts"
import { recording } from "./recording.ts"

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

/** A recorded season, in Redis as it was at its first moment. */
class Warmed extends Context.Service<Warmed, { readonly url: string; readonly folder: string }>()("test/Warmed") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const files = yield* FileSystem.FileSystem
      const folder = yield* recording
      const [first = ""] = (yield* files.readDirectory(folder)).toSorted()
      const earliest = `${folder}/../earliest/2030-31`
      yield* files.copy(`${folder}/${first}`, `${earliest}/${first}`)
      yield* runHere(["warm", "--source", earliest, "--store", url])
      return Warmed.of({ url, folder })
    })
  ).pipe(Layer.provideMerge(redis), Layer.provideMerge(NodeFileSystem.layer))
}

const json = <A, I>(schema: Schema.Codec<A, I>) => Schema.decodeUnknownEffect(Schema.fromJsonString(schema))

const Diff = Schema.Struct({
  same: Schema.Int,
  notFresh: Schema.Int,
  passedOver: Schema.Array(Schema.String),
  different: Schema.Array(
    Schema.Struct({
      key: Schema.String,
      changes: Schema.Array(Schema.Struct({ path: Schema.String, cached: Schema.Json, source: Schema.Json }))
    })
  )
})

/** From one gameweek to another; others wait for a new date. */
const isMove = ({ cached, path, source }: (typeof Diff.Type)["different"][number]["changes"][number]) =>
  path === "/event" && typeof cached === "number" && typeof source === "number"

layer(Warmed.layer, { excludeTestServices: true })("a cache that is behind its source", (it) => {
  it.effect("diff: each field that differs, and nothing is changed by it", () =>
    Effect.gen(function* () {
      const { folder, url } = yield* Warmed
      const { send } = yield* Redis
      const before = yield* send("XRANGE", "{letletme}:log", "-", "+")
      const args = ["--source", folder, "--store", url]
      const { code, stdout } = yield* runHere(["diff", ...args, "--json"])
      assert.strictEqual(code, ExitCode.failed)
      const { different, notFresh, passedOver, same } = yield* json(Diff)(stdout)
      // Every cache is compared, but for what each process knows of its own.
      assert.deepStrictEqual(
        passedOver.filter((key) => !/^event:season:.*:publication$/.test(key)),
        []
      )
      assert.strictEqual(notFresh, 0)
      assert.isAbove(same, 400)
      // The match that was moved to another gameweek since: that field, and the gameweek's list of matches.
      const matches = different.filter(({ key }) => /^match:2030-31:\d+$/.test(key))
      assert.isAbove(matches.length, 0)
      const moved = matches.find(({ changes }) => changes.some(isMove))
      const [change] = moved?.changes.filter(isMove) ?? []
      assert.isDefined(change)
      assert.notStrictEqual(change?.cached, change?.source)
      assert.isTrue(different.some(({ key }) => key === `match:event:2030-31:${JSON.stringify(change?.cached)}:ids`))
      assert.deepStrictEqual(yield* send("XRANGE", "{letletme}:log", "-", "+"), before)

      const one = yield* runHere(["diff", moved?.key ?? "", ...args])
      assert.include(one.stdout, `/event: ${JSON.stringify(change?.cached)} → ${JSON.stringify(change?.source)}`)
      assert.include(one.stdout, "0 as the source says, 1 different, 0 not fresh")
      assert.include(one.stderr, "verify --repair")
    })
  )

  it.effect("diff: what is not fresh is no difference, and what is the same is none", () =>
    Effect.gen(function* () {
      const { folder, url } = yield* Warmed
      const teams = yield* runHere(["diff", "team:2030-31:*", "--source", folder, "--store", url, "--json"])
      assert.strictEqual(teams.code, ExitCode.done, teams.stderr)
      const { different, same } = yield* json(Diff)(teams.stdout)
      assert.deepStrictEqual([different, same], [[], 20])
    })
  )

  it.effect("inspect: an entry with its value, or those of a pattern, up to a limit", () =>
    Effect.gen(function* () {
      const { folder, url } = yield* Warmed
      const args = ["--source", folder, "--store", url]
      const one = yield* runHere(["inspect", "match:2030-31:17", ...args])
      assert.match(one.stdout, /^match:2030-31:17 is fresh\.\n\nstore key +letletme:match:2030-31:17@[0-9a-f]{8}\n/)
      assert.match(one.stdout, /^kept as +\d+ bytes, JSON$/m)
      assert.match(one.stdout, /^ {2}"id": 17,$/m)
      const entries = Schema.Array(Schema.Struct({ key: Schema.String, state: Schema.String, bytes: Schema.Int }))
      const many = yield* runHere(["inspect", "match:2030-31:*", "--limit", "7", ...args, "--json"])
      const listed = yield* json(Schema.Struct({ more: Schema.Boolean, entries }))(many.stdout)
      assert.isTrue(listed.more)
      assert.strictEqual(listed.entries.length, 7)
      assert.isTrue(listed.entries.every(({ key, state }) => key.startsWith("match:2030-31:") && state === "fresh"))
      const none = yield* runHere(["inspect", "match:2030-31:9999", ...args])
      assert.deepStrictEqual([none.code, none.stdout], [ExitCode.failed, ""])
      assert.include(none.stderr, "explain")
      const memory = yield* runHere(["inspect", "match:2030-31:17", "--store", "memory"])
      assert.strictEqual(memory.code, ExitCode.failed)
      assert.include(memory.stderr, "name a Redis")
    })
  )
})

describe("fields that differ", () => {
  it("are named by their places, with both values; null where one side has none", () => {
    assert.deepStrictEqual(changesOf({ a: 1, b: [1, 2], "c/d": "x" }, { a: 1, b: [1, 3], e: true }), [
      { path: "/b/1", cached: 2, source: 3 },
      { path: "/c~1d", cached: "x", source: null },
      { path: "/e", cached: null, source: true }
    ])
    assert.deepStrictEqual(changesOf(null, { a: 1 }), [{ path: "", cached: null, source: { a: 1 } }])
    assert.deepStrictEqual(changesOf({ a: [1] }, { a: [1] }), [])
  })
})

describe("graph", () => {
  it.effect("is drawn alone in the format that is wanted", () =>
    Effect.gen(function* () {
      const mermaid = yield* runHere(["graph", "--format", "mermaid"])
      assert.match(mermaid.stdout, /^flowchart TD\n/)
      assert.notInclude(mermaid.stdout, "reaches")
      const dot = yield* runHere(["graph", "--format", "dot"])
      assert.match(dot.stdout, /^digraph .*\{\n.*\}$/s)
      const svg = yield* runHere(["graph", "--format", "svg"])
      assert.match(svg.stdout, /^<svg xmlns.*<\/svg>$/s)
      const wrong = yield* runHere(["graph", "--format", "png"])
      assert.deepStrictEqual([wrong.code, wrong.stdout], [ExitCode.usage, ""])
    })
  )

  it("as a picture has a box for each domain, an arrow for each dependency, and says both in words", () => {
    const diamond = DependencyGraph.make({ top: [], left: ["top"], 'r<"&': ["top"], bottom: ["left", 'r<"&', "top"] })
    const svg = toSvg(diamond)
    assert.strictEqual(svg.match(/<rect /g)?.length, 4)
    assert.strictEqual(svg.match(/<path marker-end/g)?.length, 5)
    assert.include(svg, ">r&lt;&quot;&amp;</text>")
    assert.include(svg, "top depends on nothing; left depends on top;")
  })
})
