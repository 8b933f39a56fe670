import { assert, describe, it } from "@effect/vitest"
import { Redis, type RedisConfig } from "@letletme/redis"
import { RedisServer } from "@letletme/testing"
import { Context, Effect, Fiber, Layer, Redacted, SubscriptionRef } from "effect"
import { eventually } from "./suites/Redis.suite.ts"

const login = (username: string, password: string) => ({ username, password: Redacted.make(password) })

const server = RedisServer.layerWith({
  args: ["--user older on >one ~* &* +@all".split(" "), "--user newer on >two ~* &* +@all".split(" ")].flat()
})

const connected = (config: Partial<RedisConfig.RedisConfig>) =>
  Effect.map(Layer.build(Layer.fresh(Redis.layer(config))), Context.get(Redis))

describe("credentials that change", () => {
  it.live("log the connection in anew without a restart or a failed command, and hold when it is made again", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer
      const admin = yield* connected({ port })
      const current = yield* SubscriptionRef.make(login("older", "one"))
      const config = { port, credentials: SubscriptionRef.changes(current) }
      const redis = yield* connected(config)
      const who = redis.send("ACL", "WHOAMI")
      const becomes = (name: string) => eventually(Effect.filterOrFail(who, (it) => it === name))
      assert.strictEqual(yield* who, "older")

      const busy = yield* Effect.forkChild(Effect.forever(Effect.andThen(redis.send("PING"), Effect.yieldNow)))
      yield* SubscriptionRef.set(current, login("newer", "two"))
      yield* becomes("newer")
      assert.isUndefined(busy.pollUnsafe())
      yield* Fiber.interrupt(busy)

      // The old login goes, the connection is cut, and the new one begins with the new login.
      yield* admin.send("ACL", "DELUSER", "older")
      yield* admin.send("CLIENT", "KILL", "USER", "newer")
      yield* becomes("newer")

      // What the server refuses leaves the connection as it was.
      yield* SubscriptionRef.set(current, login("newer", "wrong"))
      assert.strictEqual(yield* who, "newer")
    }).pipe(Effect.scoped, Effect.provide(server))
  )
})
