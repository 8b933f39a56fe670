/**
 * A run: rounds of changes that are cut off by kill -9 at a random moment, each judged after the restart.
 */
import { PostgresServer, type PostgresServerError } from "@letletme/testing/PostgresServer"
import { RedisServer, type RedisServerError } from "@letletme/testing/RedisServer"
import * as TcpProxy from "@letletme/testing/TcpProxy"
import { Array as Arr, type Config, Context, Effect, Layer, Random, type Scope } from "effect"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { within } from "./Comparison.ts"
import * as Crew from "./Crew.ts"
import * as Ledger from "./Ledger.ts"
import type { Database, Findings, Mistake } from "./Messages.ts"

/**
 * What is cut off. `relay`: Redis was out of reach for a while, and is back: changes are committed and not announced, and
 * the relay is about to.
 */
export const kinds = ["update", "relay", "sync"] as const
export type Kind = (typeof kinds)[number]

/** How many rounds, over which database, and by which dice. */
export interface Settings {
  readonly rounds: number
  readonly seed: number
  /** `embedded` has one process; `postgres` two, of which one may survive. */
  readonly database: "postgres" | "embedded"
  readonly mistake: Mistake
}

/** What came of a round. */
export interface Round {
  readonly kind: Kind
  readonly killed: number
  /** Killed once more while it started. */
  readonly isKilledAgain: boolean
  /** What the processes found that were started anew: announcements that were left to the relay. */
  readonly leftBehind: number
  readonly findings: ReadonlyArray<Findings>
  readonly problems: ReadonlyArray<string>
}

/** What came of a run. */
export interface Outcome {
  readonly settings: Settings
  readonly seconds: number
  readonly rounds: ReadonlyArray<Round>
  readonly counts: Ledger.Counts
}

export type Failure =
  | Crew.CrewError
  | RedisServerError
  | PostgresServerError
  | TcpProxy.TcpProxyError
  | Config.ConfigError

// After how long at work, after the return of Redis, and after a start the kill may come at the latest (ms).
const mostWork = 800
const mostRelay = 300
const mostStart = 1_500
// How long Redis is out of reach (ms).
const outage = 500
// Each round's marks are higher than those before.
const perRound = 100_000

const service = <I, S, E>(key: Context.Service<I, S>, layer: Layer.Layer<I, E>) =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, key))

const folder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "crash-"))),
  (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
)

/** Runs. All that it started ends with the scope. */
export const run = Effect.fnUntraced(function* (
  settings: Settings,
  tell: (done: number, problems: number) => Effect.Effect<void>
): Effect.fn.Return<Outcome, Failure, Scope.Scope> {
  const { mistake, rounds, seed } = settings
  const startedAt = performance.now()
  const home = yield* folder
  const redis = yield* service(RedisServer, RedisServer.layer)
  const line = yield* TcpProxy.make(redis.port)
  const database: Database =
    settings.database === "postgres"
      ? { _tag: "Postgres", url: (yield* service(PostgresServer, PostgresServer.layer)).url }
      : { _tag: "Embedded", directory: join(home, "database") }
  const places = database._tag === "Postgres" ? 2 : 1
  const ledger = Ledger.make(0)
  let problems: Array<string> = []
  const crew = yield* Effect.forEach(Arr.range(0, places - 1), (place) =>
    Crew.make({
      assignment: { place, places, redis: line.port, database, mistake },
      seed,
      folder: home,
      ledger,
      onProblem: (text) => problems.push(text)
    })
  )

  let position = 0
  const look = Effect.gen(function* () {
    const findings = yield* Effect.forEach(crew, (member) => member.judge(position), { concurrency: "unbounded" })
    position = findings[0]?.position ?? position
    return findings
  })
  const judge = Effect.gen(function* () {
    const findings = yield* look
    for (const { agreed, caughtUp, differences } of findings) {
      if (caughtUp === null) problems.push(`after ${within} ms announcements are pending still`)
      if (agreed === null) problems.push(...differences)
    }
    const [first] = findings
    if (first !== undefined) problems.push(...ledger.judge(first))
    return findings
  })

  const work = (firstMark: number, kind: Kind) =>
    Effect.forEach(crew, (member) =>
      member.work({ firstMark, updates: kind !== "sync", publications: kind !== "update" })
    )

  const round = Effect.fnUntraced(function* (number: number) {
    problems = []
    const kind = kinds[number % kinds.length] ?? "update"
    const firstMark = number * perRound
    if (kind === "relay") {
      yield* line.become({ _tag: "Refuse" })
      yield* line.reset
      yield* work(firstMark, kind)
      yield* Effect.sleep(outage)
      yield* line.become({ _tag: "Open" })
      yield* Effect.sleep(yield* Random.nextBetween(0, mostRelay))
    } else {
      yield* work(firstMark, kind)
      yield* Effect.sleep(yield* Random.nextBetween(0, mostWork))
    }
    const [victim, ...others] = yield* Random.shuffle(crew)
    const victims = victim === undefined || (yield* Random.nextBoolean) ? crew : [victim]
    const survivors = victims === crew ? [] : others
    yield* Effect.forEach(victims, ({ kill }) => kill, { concurrency: "unbounded", discard: true })
    const isKilledAgain = (yield* Random.next) < 0.25
    if (isKilledAgain) {
      const millis = yield* Random.nextBetween(0, mostStart)
      yield* Effect.forEach(victims, ({ kill, start }) => Effect.andThen(Effect.timeoutOption(start, millis), kill), {
        concurrency: "unbounded"
      })
    }
    yield* Effect.forEach(survivors, ({ rest }) => rest, { concurrency: "unbounded", discard: true })
    const left = yield* Effect.forEach(victims, ({ start }) => start, { concurrency: "unbounded" })
    const findings = yield* judge
    return {
      kind,
      killed: victims.length,
      isKilledAgain,
      leftBehind: Math.max(...left),
      findings,
      problems
    } satisfies Round
  })

  const all = Effect.gen(function* () {
    yield* Effect.forEach(crew, ({ start }) => start)
    // Warms what the first crash may leave stale.
    yield* look
    const done: Array<Round> = []
    for (let number = 1; number <= rounds; number++) {
      done.push(yield* round(number))
      yield* tell(
        number,
        done.reduce((sum, one) => sum + one.problems.length, 0)
      )
    }
    return done
  })

  const done = yield* Random.withSeed(all, seed)
  return { settings, seconds: (performance.now() - startedAt) / 1_000, rounds: done, counts: ledger.counts() }
})
