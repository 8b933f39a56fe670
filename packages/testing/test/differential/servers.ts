/**
 * A real server, and a simulated one, for the same programs.
 */
import type { CacheStore, InvalidationLog } from "@letletme/cache"
import { Redis } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import * as SimulatedNetwork from "@letletme/testing/SimulatedNetwork"
import * as SimulatedServer from "@letletme/testing/SimulatedServer"
import * as VirtualTime from "@letletme/testing/VirtualTime"
import { Effect, Exit, Layer } from "effect"
import { layer as overRedis } from "./play.ts"

// So that a log is trimmed to the entry, as the simulated one is: trimming goes by whole nodes.
const server = RedisServer.layerWith({ args: ["--stream-node-max-entries", "1"] })
/** The cache's log and store over a server of its own. */
export const real = overRedis(
  Layer.unwrap(RedisServer.useSync(({ port }) => Redis.layer({ port, commandTimeout: 10_000 }))).pipe(
    Layer.provide(server)
  )
)

type Services = Redis | InvalidationLog | CacheStore

/** What comes of a program on a simulated server. */
export const simulate = <A>(program: Effect.Effect<A, unknown, Services>): Exit.Exit<A, unknown> => {
  const time = VirtualTime.make()
  // A clock so fast that it has passed a position that is a little ahead before the next command arrives, as the
  // microseconds of a real one do.
  const server = SimulatedServer.make({ now: () => Math.floor(VirtualTime.epoch + time.now() * 100) })
  const network = SimulatedNetwork.make({ time, server, commandTimeout: 10_000, tell: () => {} })
  const machine = time.machine({ skew: 0, seed: 1 })
  const { layer } = network.link("tester", machine, VirtualTime.chance(2))
  let ended: Exit.Exit<A, unknown> = Exit.fail("the simulated server did not answer")
  let isOver = false
  machine.start(Effect.provide(program, overRedis(layer))).addObserver((exit) => {
    ended = exit
    isOver = true
  })
  time.run({ until: () => isOver, limit: 3_600_000 })
  return ended
}
