import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import { graph } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Effect, FileSystem, Layer, Schema, Stream } from "effect"
import { randomBytes } from "node:crypto"
import { runHere } from "./inProcess.ts"
import { daemon, health, run, within } from "./process.ts"
import { listsMoved, moved, recording } from "./recording.ts"

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

const Row = Schema.Struct({ name: Schema.String, points: Schema.Int, position: Schema.Int })
const json = <A, I>(schema: Schema.Codec<A, I>) => Schema.decodeUnknownEffect(Schema.fromJsonString(schema))

describe("every command answers with one JSON document, and logs elsewhere", () => {
  it.live("graph", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* run(["graph", "--json"])
      assert.strictEqual(code, 0)
      const printed = yield* json(
        Schema.Struct({ cascade: Schema.Record(Schema.String, Schema.Array(Schema.String)) })
      )(stdout)
      assert.deepStrictEqual<unknown>(
        printed.cascade,
        Object.fromEntries(graph.domains.map((domain) => [domain, graph.cascade(domain)]))
      )
    })
  )

  it.live("table", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* run(["table", "--json"])
      assert.strictEqual(code, 0)
      const { rows } = yield* json(Schema.Struct({ rows: Schema.Array(Row) }))(stdout)
      assert.strictEqual(rows.length, 20)
      assert.include((yield* run(["table", "home"])).stdout, "2030-31, home")
    })
  )

  it.live("get and explain", () =>
    Effect.gen(function* () {
      const match = yield* run(["get", "match:2030-31:17"])
      assert.deepInclude(yield* json(Schema.Struct({ id: Schema.Int, season: Schema.String }))(match.stdout), {
        id: 17
      })
      const list = yield* run(["get", "match:event:2030-31:1:ids", "--json"])
      assert.strictEqual((yield* json(Schema.Array(Schema.Int))(list.stdout)).length, 10)
      const { stdout } = yield* run(["explain", "match:2030-31:17", "--json"])
      assert.strictEqual((yield* json(Schema.Struct({ state: Schema.String }))(stdout)).state, "missing")
    })
  )

  it.live("acl", () =>
    Effect.gen(function* () {
      const { code, stdout } = yield* run(["acl"], { CACHE_NAMESPACE: "fpl", REDIS_PASSWORD: "not-the-secret" })
      assert.strictEqual(code, 0)
      assert.match(
        stdout,
        /^ACL SETUSER fpl reset on >PASSWORD resetkeys ~fpl:\* ~\{fpl\}:\* resetchannels -@all \+get/m
      )
      assert.notInclude(stdout, "not-the-secret")
      const document = yield* run(["acl", "--json"], { CACHE_NAMESPACE: "fpl", REDIS_SENTINELS: "10.0.0.1:26379" })
      const { sentinel, user } = yield* json(
        Schema.Struct({ user: Schema.String, sentinel: Schema.Struct({ rules: Schema.Array(Schema.String) }) })
      )(document.stdout)
      assert.strictEqual(user, "fpl")
      assert.include(sentinel.rules, "+sentinel|get-master-addr-by-name")
    })
  )

  it.live("rotate: a warmed cache comes under the new key, and stays warm under it alone", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const folder = yield* recording
      const [older, newer] = [1, 2].map((id) => `k${id}:${randomBytes(32).toString("base64")}`)
      const args = ["--source", folder, "--store", url, "--json"]
      const under = (...keys: ReadonlyArray<string | undefined>) => ({ CACHE_ENCRYPTION_KEYS: keys.join(",") })
      const total = json(Schema.Struct({ report: Schema.Struct({ total: Schema.Int, loaded: Schema.Int }) }))
      const Rotated = Schema.Struct({ key: Schema.String, renewed: Schema.Int, removed: Schema.Int })
      const { report } = yield* total((yield* run(["warm", ...args], under(older))).stdout)
      const rotated = yield* run(["rotate", ...args], under(newer, older))
      assert.match(rotated.stderr, /Rotating: \d+ entries seen/)
      const { renewed, ...rest } = yield* json(Rotated)(rotated.stdout)
      assert.isAtLeast(renewed, report.total)
      assert.deepStrictEqual(rest, { key: "k2", removed: 0 })
      const again = yield* total((yield* run(["warm", ...args], under(newer))).stdout)
      assert.deepStrictEqual(again.report, { total: report.total, loaded: 0 })
    }).pipe(Effect.scoped, Effect.provide([RedisServer.layer, NodeFileSystem.layer]))
  )

  it.live("run: brings what is under an older key under the new one by itself, and health says how far it is", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const folder = yield* recording
      const [older, newer] = [1, 2].map((id) => `k${id}:${randomBytes(32).toString("base64")}`)
      const args = ["--source", folder, "--store", url]
      const under = (...keys: ReadonlyArray<string | undefined>) => ({ CACHE_ENCRYPTION_KEYS: keys.join(",") })
      yield* run(["warm", ...args], under(older))
      const warmer = yield* daemon(["run", "--port", "0", "--rotation-rate", "100000", ...args], under(newer, older))
      const address = yield* warmer.address
      const { rotation } = yield* Effect.retry(
        Effect.filterOrFail(
          health(address, "ready"),
          ({ rotation }) => rotation?.state === "waiting" || rotation?.state === "done"
        ),
        within
      )
      assert.strictEqual(rotation?.key, "k2")
      assert.isAbove(rotation?.progress.renewed ?? 0, 100)
      assert.strictEqual(rotation?.progress.removed, 0)
      const { stdout } = yield* run(["rotate", "--json", ...args], under(newer, older))
      assert.match(stdout, /"renewed": 0,/)
    }).pipe(Effect.scoped, Effect.provide([RedisServer.layer, NodeFileSystem.layer]))
  )

  it.live(
    "with --database a season outlives the process: without a network the next one answers from it",
    () =>
      Effect.gen(function* () {
        const files = yield* FileSystem.FileSystem
        const database = `${yield* files.makeTempDirectoryScoped()}/database`
        const warmed = yield* run(["warm", "--source", yield* recording, "--database", database])
        assert.strictEqual(warmed.code, 0, warmed.stderr)
        const args = ["table", "--json", "--source", "fpl", "--database", database]
        const { code, stderr, stdout } = yield* run(args, { FPL_BASE_URL: "http://127.0.0.1:1/api/" })
        assert.strictEqual(code, 0, stderr)
        const { rows } = yield* json(Schema.Struct({ rows: Schema.Array(Row) }))(stdout)
        assert.strictEqual(rows.length, 20)
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)),
    // A folder's first opening makes a whole database in it.
    60_000
  )

  it.live("warm, twice over Redis: loaded, then verified; verify mends what is not right", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const folder = yield* recording
      const report = json(Schema.Struct({ report: Schema.Struct({ path: Schema.String, loaded: Schema.Int }) }))
      const args = ["--source", folder, "--store", url, "--json"]
      const first = yield* run(["warm", "--once", ...args])
      assert.deepInclude((yield* report(first.stdout)).report, { path: "loaded" })
      const second = yield* run(["warm", "--once", ...args])
      assert.deepStrictEqual((yield* report(second.stdout)).report, { path: "verified", loaded: 0 })
      const { remove, scan, set } = yield* Redis
      const keys = (yield* Stream.runCollect(scan("letletme:match:2030-31:*"))).flat().slice(0, 3)
      yield* remove(keys)
      yield* set("letletme:nonsense", Buffer.from("x"))
      const Found = Schema.Struct({
        isClean: Schema.Boolean,
        foreign: Schema.Int,
        mended: Schema.Int,
        findings: Schema.Array(Schema.Struct({ verdict: Schema.String }))
      })
      const { code, stdout } = yield* run(["verify", "--repair", ...args])
      assert.strictEqual(code, 0)
      const repair = yield* json(Schema.Struct({ first: Found, second: Found }))(stdout)
      assert.deepStrictEqual([repair.first.foreign, repair.first.mended], [1, 4])
      assert.strictEqual(repair.first.findings.filter(({ verdict }) => verdict === "missing").length, 3)
      assert.isTrue(repair.second.isClean)
    }).pipe(Effect.scoped, Effect.provide([redis, NodeFileSystem.layer]))
  )

  it.live("verify says what is not right, and that by its exit code; it changes nothing", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const { set, scan } = yield* Redis
      yield* set("letletme:nonsense", Buffer.from("x"))
      const { code, stderr, stdout } = yield* run(["verify", "--source", yield* recording, "--store", url])
      assert.strictEqual(code, 1)
      assert.match(stdout, /^domain +total +missing$.*^match +380 +380$/ms)
      assert.match(stdout, /foreign keys: 1/)
      assert.match(stderr, /Verifying: \d+ of \d+ entries/)
      assert.deepStrictEqual((yield* Stream.runCollect(scan("letletme:*"))).flat(), ["letletme:nonsense"])
    }).pipe(Effect.scoped, Effect.provide([redis, NodeFileSystem.layer]))
  )

  it.live("backup, loss of Redis, restore: everything is there again, and right", () =>
    Effect.gen(function* () {
      const { url } = yield* RedisServer
      const { pipeline } = yield* Redis
      const folder = yield* recording
      const args = ["--source", folder, "--store", url]
      const file = `${folder}.backup`
      yield* run(["warm", ...args])
      const written = yield* run(["backup", file, ...args, "--json"])
      assert.strictEqual(written.code, 0)
      const { entries } = yield* json(Schema.Struct({ entries: Schema.Int }))(written.stdout)
      assert.isAbove(entries, 500)
      yield* pipeline([["FLUSHALL"]])
      const restored = yield* run(["restore", file, ...args])
      assert.strictEqual(restored.code, 0)
      assert.include(restored.stdout, `${entries} of ${entries} entries restored`)
      assert.match(restored.stderr, /Restoring: \d+ of \d+ entries/)
    }).pipe(Effect.scoped, Effect.provide([redis, NodeFileSystem.layer]))
  )

  it.live(
    "replay: what changed, what was invalidated, what was reloaded; a moved match reaches both its gameweeks",
    () =>
      Effect.gen(function* () {
        const folder = yield* recording
        const { code, stdout } = yield* run(["replay", folder, "--json"])
        assert.strictEqual(code, 0)
        const keys = Schema.Array(Schema.String)
        const { snapshots, table } = yield* json(
          Schema.Struct({
            table: Schema.Array(Row),
            snapshots: Schema.Array(
              Schema.Struct({
                outcome: Schema.String,
                changed: Schema.Struct({ match: keys }),
                invalidated: keys,
                unchangedInvalidated: keys
              })
            )
          })
        )(stdout)
        assert.strictEqual(table.length, 20)
        assert.deepStrictEqual(
          snapshots.map(({ outcome }) => outcome),
          ["initial", "published", "published"]
        )
        for (const { changed, invalidated, unchangedInvalidated } of snapshots) {
          assert.deepStrictEqual(unchangedInvalidated, [])
          const own = invalidated.filter((tag) => /^match:\d{4}-\d{2}:\d+$/.test(tag))
          assert.deepStrictEqual(own.toSorted(), [...changed.match].toSorted())
        }
        // Lists are invalidated by their members: exactly those of the match that moved, and of no other gameweek or phase.
        const lists = (index: number) =>
          snapshots[index]?.invalidated.filter((tag) => tag.startsWith("match:members:")).toSorted()
        assert.deepStrictEqual(
          snapshots.map((_, index) => lists(index)),
          [[], listsMoved(0, 1), listsMoved(1, 2)]
        )
        assert.include(lists(1) ?? [], `match:members:event:2030-31:${moved.event}`)
        assert.include(lists(2) ?? [], `match:members:event:2030-31:${moved.later}`)
      }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer))
  )
})

describe("what is wrong is said on standard error, and the exit code tells", () => {
  const cases: ReadonlyArray<readonly [ReadonlyArray<string>, RegExp]> = [
    [["table", "--no-such-flag"], /no-such-flag/],
    [["table", "--store", "http://localhost"], /--store: .*redis:/s],
    [["table", "--season", "2021-23"], /season/],
    [["table", "nonsense"], /2021-22:overall/],
    [["replay", "/no/such/folder/2021-22"], /not available/],
    [["replay", "/tmp"], /names a season/],
    [["get", "match:*:17"], /is not a key/],
    [["get", "nobody:2030-31:1"], /is no key of a domain/],
    [["get", "match:2030-31:9999"], /does not exist/],
    [["table", "--deductions", "/no/such/file"], /deductions/],
    [["run", "--every", "0"], /--every/],
    [["backup", "/tmp/never-written", "--store", "memory"], /name a Redis/],
    [["warm", "--store", "redis://127.0.0.1:1"], /no connection to Redis/],
    [["warm", "--store", "redis://user:not-the-secret@127.0.0.1:1"], /REDIS_PASSWORD/],
    [["rotate"], /CACHE_ENCRYPTION_KEYS/],
    [["table", "--database", "postgres://user:not-the-secret@127.0.0.1/fpl"], /--database: a password .*DATABASE_URL/],
    [["table", "--database", "http://127.0.0.1/fpl"], /--database or DATABASE_URL: expected memory/],
    [["warm", "--store", "http://user:not-the-secret@127.0.0.1"], /--store: .*redis:/s],
    [["warm", "--store", "redis://user:not-the-secret@127.0.0.1:99999999"], /--store: Expected a URL/],
    [["warm", "--store", "redis://user:not-the-secret@127.0.0.1/nonsense"], /--store: .*database/s],
    [["table", "--deductions", import.meta.filename], /--deductions/]
  ]
  it.live("a network that is not there", () =>
    Effect.gen(function* () {
      const { code, stderr } = yield* run(["table", "--source", "fpl"], { FPL_BASE_URL: "http://127.0.0.1:1/api/" })
      assert.strictEqual(code, 1)
      assert.match(stderr, /no connection to http:\/\/127\.0\.0\.1:1\/api\/.*check the network/)
    })
  )

  it.live.each(cases)("%j", ([args, words]) =>
    Effect.gen(function* () {
      const { code, stderr, stdout } = yield* runHere([...args, "--json"])
      assert.notStrictEqual(code, 0)
      assert.match(stderr, words)
      assert.strictEqual(stdout, "")
      assert.notInclude(stderr, "not-the-secret")
    })
  )
})
