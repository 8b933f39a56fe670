/**
 * A real Redis Cluster for the life of a layer: three primaries and a replica of each, whose slots tests may move.
 *
 * @see https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/
 */
import { Redis, type RedisConfig } from "@letletme/redis"
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import * as RedisProcess from "./RedisProcess.ts"
import { bare } from "./RedisServer.ts"

/** The cluster did not become what it was to be. */
export class RedisClusterError extends Schema.TaggedError<RedisClusterError>()("RedisClusterError", {
  message: Schema.String
}) {}

type Failure = RedisClusterError | RedisProcess.RedisServerError

/** A server of the cluster. */
export interface Node {
  readonly process: RedisProcess.RedisProcess
  /** A connection to it alone. */
  readonly redis: Redis["Service"]
  /** Its name in the cluster. */
  readonly id: string
}

/** A node as it is listed: what it serves and whose replica it is. */
interface Listed {
  readonly id: string
  readonly flags: ReadonlyArray<string>
  readonly primary: string
  readonly isLinked: boolean
  readonly slots: ReadonlyArray<readonly [first: number, last: number]>
}

const slotCount = 16_384
const size = 3

const toError = (what: string) => (cause: { readonly message: string }) =>
  new RedisClusterError({ message: `${what}: ${cause.message}` })

const often = { schedule: Schedule.spaced("20 millis"), times: 3_000 }

const listOf = (text: string): ReadonlyArray<Listed> =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const [id = "", , flags = "", primary = "", , , , link, ...slots] = line.split(" ")
      return {
        id,
        flags: flags.split(","),
        primary,
        isLinked: link === "connected",
        // A slot that is on its way is named in brackets.
        slots: slots
          .filter((range) => !range.startsWith("["))
          .map((range) => {
            const [first = "", last = first] = range.split("-")
            return [Number(first), Number(last)] as const
          })
      }
    })

const serves = ({ flags, slots }: Listed, slot: number) =>
  flags.includes("master") && !flags.includes("fail") && slots.some(([first, last]) => first <= slot && slot <= last)

const start = Effect.gen(function* () {
  const users = yield* RedisProcess.userArguments
  const process = yield* RedisProcess.make((place) =>
    Effect.map(RedisProcess.freePort, (busPort) => [
      ...bare(place),
      ..."--cluster-enabled yes --cluster-node-timeout 1000 --cluster-replica-validity-factor 0".split(" "),
      ..."--repl-diskless-sync-delay 0 --cluster-port".split(" "),
      `${busPort}`,
      ...users
    ])
  )
  const connection = yield* Layer.build(Layer.fresh(Redis.layer({ port: process.port, lazy: true })))
  const redis = Context.get(connection, Redis)
  const id = String(yield* redis.send("CLUSTER", "MYID"))
  const [, busPort = ""] = String(yield* redis.send("CONFIG", "GET", "cluster-port")).split(",")
  return { node: { process, redis, id } satisfies Node, busPort }
})

/**
 * A cluster that tests may mistreat.
 */
export class RedisCluster extends Context.Service<
  RedisCluster,
  {
    readonly nodes: ReadonlyArray<Node>
    /** How clients find it. */
    readonly addresses: ReadonlyArray<RedisConfig.Address>
    /** The nodes that are primaries now. */
    readonly primaries: Effect.Effect<ReadonlyArray<Node>, RedisClusterError>
    /** Who serves a slot now, as the majority sees it. */
    readonly primaryOf: (slot: number) => Effect.Effect<Node, RedisClusterError>
    /**
     * Kills the primary of a slot, or has it hang, and waits until its replica has taken its place. Answers how to bring it
     * back, which waits until it follows.
     */
    readonly failOver: (
      slot: number,
      how?: "kill" | "pause"
    ) => Effect.Effect<Effect.Effect<void, Failure>, RedisClusterError>
    /** Has the replica of a slot's primary take its place in good order. */
    readonly handOver: (slot: number) => Effect.Effect<void, RedisClusterError>
    /** Moves slots, with the keys in them, to another primary, one after the other. */
    readonly reshard: (slots: ReadonlyArray<number>, to: Node) => Effect.Effect<void, RedisClusterError>
  }
>()("@letletme/testing/RedisCluster") {
  static readonly layer = Layer.effect(
    this,
    Effect.gen(function* () {
      const started = yield* Effect.all(
        Array.from({ length: size * 2 }, () => start),
        { concurrency: "unbounded" }
      )
      const nodes = started.map(({ node }) => node)
      const primaries = nodes.slice(0, size)
      const replicas = nodes.slice(size)

      const ask = ({ redis }: Node, ...args: ReadonlyArray<string | number>) =>
        Effect.mapError(redis.send("CLUSTER", ...args), toError(`CLUSTER ${args[0] ?? ""}`))
      const list = (node: Node) => Effect.map(ask(node, "NODES"), (text) => listOf(String(text)))

      /** Waits until each of the nodes finds it so. */
      const agree = (
        among: ReadonlyArray<Node>,
        what: string,
        isSo: (listed: ReadonlyArray<Listed>, state: string) => boolean
      ) =>
        Effect.forEach(
          among,
          (node) =>
            Effect.retry(
              Effect.filterOrFail(
                Effect.all([list(node), ask(node, "INFO")]),
                ([listed, info]) => isSo(listed, /cluster_state:(\w+)/.exec(String(info))?.[1] ?? ""),
                () => new RedisClusterError({ message: `Not all nodes agree: ${what}` })
              ),
              often
            ),
          { concurrency: "unbounded", discard: true }
        )

      for (const [index, node] of primaries.entries()) {
        const first = Math.floor((slotCount * index) / size)
        const last = Math.floor((slotCount * (index + 1)) / size) - 1
        yield* ask(node, "ADDSLOTSRANGE", first, last)
      }
      for (const [index, { node, busPort }] of started.entries()) {
        yield* ask(node, "SET-CONFIG-EPOCH", index + 1)
        for (const other of nodes.slice(0, index)) {
          yield* ask(other, "MEET", "127.0.0.1", node.process.port, busPort)
        }
      }
      yield* agree(
        nodes,
        "who is there",
        (listed, state) => state === "ok" && listed.length === nodes.length && listed.every(({ isLinked }) => isLinked)
      )
      yield* Effect.forEach(replicas, (node, index) => ask(node, "REPLICATE", primaries[index]?.id ?? ""))

      const isCopied = ({ redis }: Node) =>
        Effect.retry(
          Effect.filterOrFail(
            Effect.mapError(redis.send("INFO", "replication"), toError("INFO")),
            (info) => String(info).includes("master_link_status:up"),
            () => new RedisClusterError({ message: "The replica does not follow its primary" })
          ),
          often
        )
      yield* Effect.forEach(replicas, isCopied, { concurrency: "unbounded" })
      yield* agree(
        nodes,
        "who follows whom",
        (listed) => listed.filter(({ flags }) => flags.includes("slave")).length === size
      )

      // Those that hang or are gone do not answer.
      const lost = new Set<Node>()
      const alive = Effect.sync(() => nodes.filter((node) => !lost.has(node)))

      const nodeOf = (id: string | undefined, what: string) => {
        const node = nodes.find((one) => one.id === id)
        return node === undefined
          ? Effect.fail(new RedisClusterError({ message: `Nobody ${what}` }))
          : Effect.succeed(node)
      }

      const primaryOf = Effect.fnUntraced(function* (slot: number) {
        const votes = new Map<string, number>()
        for (const node of yield* alive) {
          const found = (yield* list(node)).find((one) => serves(one, slot))
          if (found !== undefined) votes.set(found.id, (votes.get(found.id) ?? 0) + 1)
        }
        const [winner] = [...votes].toSorted(([, a], [, b]) => b - a)
        return yield* nodeOf(winner?.[0], `serves slot ${slot}`)
      })

      const succeeded = (slot: number, former: Node) =>
        Effect.flatMap(alive, (among) =>
          agree(
            among,
            `who serves slot ${slot} instead`,
            (listed, state) => state === "ok" && listed.some((one) => one.id !== former.id && serves(one, slot))
          )
        )

      const comeBack = Effect.fnUntraced(function* (node: Node, how: "kill" | "pause") {
        yield* how === "kill" ? node.process.start : node.process.resume
        lost.delete(node)
        yield* isCopied(node)
        yield* agree(
          nodes,
          "who is back",
          (listed, state) => state === "ok" && listed.every(({ flags }) => !flags.includes("fail"))
        )
      })

      const lose = Effect.fnUntraced(function* (slot: number, how: "kill" | "pause") {
        const former = yield* primaryOf(slot)
        lost.add(former)
        yield* former.process[how]
        yield* succeeded(slot, former)
        return former
      })

      const handOver = Effect.fnUntraced(function* (slot: number) {
        const former = yield* primaryOf(slot)
        const replica = (yield* list(former)).find(({ primary }) => primary === former.id)
        yield* ask(yield* nodeOf(replica?.id, "follows the primary"), "FAILOVER")
        yield* succeeded(slot, former)
        yield* isCopied(former)
      })

      const move = Effect.fnUntraced(function* (slot: number, from: Node, to: Node) {
        yield* ask(to, "SETSLOT", slot, "IMPORTING", from.id)
        yield* ask(from, "SETSLOT", slot, "MIGRATING", to.id)
        while (true) {
          const keys = yield* ask(from, "GETKEYSINSLOT", slot, 100)
          if (!Array.isArray(keys) || keys.length === 0) break
          const args = ["127.0.0.1", to.process.port, "", 0, 5_000, "KEYS", ...keys.map(String)]
          yield* Effect.mapError(from.redis.send("MIGRATE", ...args), toError("MIGRATE"))
        }
        // The new owner first: else nobody would serve the slot for a moment.
        yield* ask(to, "SETSLOT", slot, "NODE", to.id)
        yield* ask(from, "SETSLOT", slot, "NODE", to.id)
      })

      return RedisCluster.of({
        nodes,
        addresses: nodes.map(({ process }) => ({ host: "127.0.0.1", port: process.port })),
        primaries: Effect.gen(function* () {
          const [first = nodes[0]] = yield* alive
          const listed = first === undefined ? [] : yield* list(first)
          return nodes.filter(({ id }) =>
            listed.some((one) => one.id === id && one.slots.length > 0 && one.flags.includes("master"))
          )
        }),
        primaryOf,
        failOver: (slot, how = "kill") => Effect.map(lose(slot, how), (former) => comeBack(former, how)),
        handOver,
        reshard: Effect.fnUntraced(function* (slots: ReadonlyArray<number>, target: Node) {
          const listed = yield* list(target)
          for (const slot of slots) {
            const owner = listed.find((one) => serves(one, slot))
            if (owner?.id !== target.id) yield* move(slot, yield* nodeOf(owner?.id, `serves slot ${slot}`), target)
          }
        })
      })
    })
  )
}
