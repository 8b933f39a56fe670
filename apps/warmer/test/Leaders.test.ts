import { assert, describe, it } from "@effect/vitest"
import { relayedMark } from "@letletme/cache"
import { SimulatedSeason } from "@letletme/fpl"
import { Redis } from "@letletme/redis"
import { RedisServer, TcpProxy } from "@letletme/testing"
import { Effect, Layer, Schema } from "effect"
import { createServer } from "node:http"
import { ask, daemon, within } from "./process.ts"

const lease = 600
// One of each in the suite; `LETLETME_LEADER_FAULTS=30 npm test -- Leaders` is the long form.
const faults = Number(process.env["LETLETME_LEADER_FAULTS"] ?? 3)
const names = ["w0", "w1", "w2"] as const

const redis = Layer.unwrap(RedisServer.use(({ port }) => Effect.succeed(Redis.layer({ port })))).pipe(
  Layer.provideMerge(RedisServer.layer)
)

/** One source for three warmers, which tells who asked: each goes by a path of its own. */
const upstream = Effect.gen(function* () {
  const season = SimulatedSeason.make()
  const asked: Array<string> = []
  // A Saturday afternoon: matches are on.
  let moment = (season.gameweeks[12]?.deadline ?? season.start) + 22 * 3_600_000
  const listening = createServer((request, response) => {
    const [, name = "", kind = ""] = /^\/(w\d)\/(bootstrap|fixtures)/.exec(request.url ?? "") ?? []
    if (kind === "bootstrap") {
      asked.push(name)
      // Each poll finds something new, so that each leader has something to append.
      moment += 120_000
    }
    const { bootstrap, fixtures } = SimulatedSeason.at(season, moment)
    response.end(JSON.stringify(kind === "fixtures" ? fixtures : bootstrap))
  })
  yield* Effect.acquireRelease(
    Effect.callback<void>((resume) => {
      listening.listen(0, "127.0.0.1", () => resume(Effect.void))
    }),
    () =>
      Effect.sync(() => {
        listening.closeAllConnections()
        listening.close()
      })
  )
  const address = listening.address()
  const port = typeof address === "object" && address !== null ? address.port : 0
  return { asked, port, season: season.options.season }
})

const Ready = Schema.fromJsonString(
  Schema.Struct({
    status: Schema.String,
    warmed: Schema.NullOr(Schema.Struct({ loaded: Schema.Int })),
    leadership: Schema.Struct({ state: Schema.String, leader: Schema.NullOr(Schema.String) })
  })
)

/** A warmer behind a proxy of its own, which may be replaced when it was killed. */
const warmer = Effect.fnUntraced(function* (name: string, source: { readonly port: number; readonly season: string }) {
  const server = yield* RedisServer
  const proxy = yield* TcpProxy.make(server.port)
  const args = ["run", "--port", "0", "--every", "0.1", "--lease", String(lease / 1000), "--source", "fpl"]
  const env = {
    FPL_BASE_URL: `http://127.0.0.1:${source.port}/${name}/`,
    FPL_SEASON: source.season,
    CACHE_PROCESS: name,
    REDIS_COMMAND_TIMEOUT: "200 millis"
  }
  const start = daemon([...args, "--store", `redis://127.0.0.1:${proxy.port}`], env)
  let running = yield* start
  let address = yield* running.address
  return {
    name,
    proxy,
    signal: (signal: NodeJS.Signals) => running.signal(signal),
    ended: Effect.suspend(() => running.ended),
    restart: Effect.gen(function* () {
      running = yield* start
      address = yield* running.address
    }),
    status: Effect.suspend(() => ask(`${address}/health/ready`)).pipe(
      Effect.flatMap(({ body }) => Schema.decodeEffect(Ready)(body)),
      Effect.timeout("500 millis")
    )
  }
})

type Warmer = Effect.Success<ReturnType<typeof warmer>>

const state = (one: Warmer) =>
  Effect.orElseSucceed(
    Effect.map(one.status, ({ leadership }) => leadership.state),
    () => "gone"
  )

const leaderOf = (warmers: ReadonlyArray<Warmer>) =>
  Effect.map(Effect.forEach(warmers, state, { concurrency: "unbounded" }), (states) => {
    const leading = warmers.filter((_, index) => states[index] === "leading")
    return { leading, states }
  })

/** Waits until one of these leads and the others stand by. */
const settled = (warmers: ReadonlyArray<Warmer>) =>
  leaderOf(warmers).pipe(
    Effect.flatMap(({ leading: [leader], states }) =>
      leader !== undefined && states.filter((one) => one === "standing by").length === warmers.length - 1
        ? Effect.succeed(leader)
        : Effect.fail(`They are ${states.join(", ")}`)
    ),
    Effect.retry(within)
  )

const Entries = Schema.Array(Schema.Tuple([Schema.String, Schema.Array(Schema.String)]))

/** Reads the log: who was appointed, and who appended, in order. */
const history = Effect.gen(function* () {
  const { send } = yield* Redis
  const entries = yield* Schema.decodeUnknownEffect(Entries)(yield* send("XRANGE", "{letletme}:log", "-", "+"))
  return entries.map(([id, fields]) => {
    const field = (name: string) => fields[fields.indexOf(name) + 1] ?? ""
    return { id, by: field("by"), cause: field("cause"), isAppointment: field("cause").startsWith("lead ") }
  })
})

const kinds = ["kill", "stop", "cut"] as const

describe("three warmers", () => {
  it.live(
    "one leads, whatever becomes of it; another takes over in time, and nothing lands that a former leader writes",
    () =>
      Effect.gen(function* () {
        const source = yield* upstream
        const warmers = yield* Effect.forEach(names, (name) => warmer(name, source), { concurrency: 3 })
        let longest = 0
        for (let index = 0; index < faults; index++) {
          const leader = yield* settled(warmers)
          const others = warmers.filter((one) => one !== leader)
          const kind = kinds[index % kinds.length]
          const before = Date.now()
          if (kind === "cut") yield* leader.proxy.become({ _tag: "Swallow" })
          else yield* leader.signal(kind === "kill" ? "SIGKILL" : "SIGSTOP")
          const next = yield* settled(others)
          const took = Date.now() - before
          longest = Math.max(longest, took)
          // To ask three processes on a busy machine takes its time, too.
          assert.isBelow(took, lease * 2 + 1_500, `after ${String(kind)}`)
          const asked = source.asked.length
          const known = (yield* history).length
          if (kind === "kill") {
            yield* leader.ended
            yield* leader.restart
          } else if (kind === "stop") yield* leader.signal("SIGCONT")
          else {
            yield* leader.proxy.become({ _tag: "Open" })
            yield* leader.proxy.reset
          }
          yield* settled(warmers)
          yield* Effect.retry(
            Effect.suspend(() => (source.asked.length > asked ? Effect.void : Effect.fail("Nobody asks"))),
            within
          )
          // Neither the one that woke nor the one that came back asked the source in another's time. On a busy machine
          // the leader may be late with its lease, and another be appointed: the log says so.
          const askers = new Set(source.asked.slice(asked))
          const appointed = (yield* history)
            .slice(known)
            .flatMap(({ by, isAppointment }) => (isAppointment ? [by] : []))
          assert.deepStrictEqual([...askers.difference(new Set([next.name, ...appointed]))], [])
        }
        const log = yield* history
        let leading = ""
        for (const { by, cause, id, isAppointment } of log) {
          if (isAppointment) leading = by
          // What is committed is announced, whoever leads by then: that says what is stale, and writes nothing.
          else if (names.some((name) => name === by) && !cause.endsWith(relayedMark))
            assert.strictEqual(by, leading, `"${cause}" at ${id}`)
        }
        assert.isAtLeast(log.filter(({ isAppointment }) => isAppointment).length, faults + 1)
        assert.isAbove(log.filter(({ isAppointment }) => !isAppointment).length, 1)
        yield* Effect.logInfo(`${faults} faults, ${log.length} entries, the longest takeover ${longest} ms`)
        // A stop hands over: no lease is left behind.
        for (const { ended, signal } of warmers) {
          yield* signal("SIGTERM")
          assert.strictEqual(yield* ended, 143)
        }
        const { send } = yield* Redis
        assert.isNull(yield* send("HGET", "{letletme}:table", "#leader"))
      }).pipe(Effect.scoped, Effect.provide(redis)),
    { timeout: 30_000 + faults * 10_000 }
  )
})
