import { assert, describe, it } from "@effect/vitest"
import { RedisServer, type RedisServerError } from "@letletme/testing"
import { ConfigProvider, Effect, Layer, Schedule } from "effect"
import { createConnection } from "node:net"

/** Sends one command over a connection of its own, and answers what comes back. */
const send = (port: number, command: string) =>
  Effect.callback<string, string>((resume) => {
    const socket = createConnection({ host: "127.0.0.1", port }, () => socket.write(`${command}\r\n`))
    socket.setTimeout(200, () => {
      socket.destroy()
      resume(Effect.fail("no answer"))
    })
    socket.on("data", (data) => {
      socket.destroy()
      resume(Effect.succeed(data.toString().trim()))
    })
    socket.on("error", (error) => resume(Effect.fail(error.message)))
  })

describe("RedisServer", () => {
  it.live("each layer has a server of its own, which ends with it", () =>
    Effect.gen(function* () {
      const ports = yield* Effect.scoped(
        Effect.gen(function* () {
          const one = yield* Layer.build(Layer.fresh(RedisServer.layer))
          const two = yield* Layer.build(Layer.fresh(RedisServer.layer))
          const portOf = RedisServer.use(({ port }) => Effect.as(send(port, "SET here yes"), port))
          const first = yield* Effect.provideContext(portOf, one)
          const second = yield* Effect.provideContext(
            RedisServer.use(({ port }) => Effect.succeed(port)),
            two
          )
          assert.strictEqual(yield* send(first, "GET here"), "$3\r\nyes")
          assert.strictEqual(yield* send(second, "GET here"), "$-1")
          return [first, second]
        })
      )
      for (const port of ports) assert.include(yield* Effect.flip(send(port, "PING")), "ECONNREFUSED")
    })
  )

  it.live("is killed, and starts again on its port", () =>
    Effect.gen(function* () {
      const { kill, port, start } = yield* RedisServer
      yield* kill
      yield* Effect.flip(send(port, "PING"))
      yield* start
      assert.strictEqual(yield* send(port, "PING"), "+PONG")
    }).pipe(Effect.provide(RedisServer.layer))
  )

  it.live("starts with further arguments for once, and forgets what it kept when told to", () =>
    Effect.gen(function* () {
      const { kill, port, start, startWith, wipe } = yield* RedisServer
      const restart = (how: Effect.Effect<void, RedisServerError>) => Effect.andThen(kill, how)
      yield* send(port, "SET here yes")
      yield* send(port, "SAVE")
      yield* restart(startWith(["--maxclients", "77"]))
      assert.strictEqual(yield* send(port, "GET here"), "$3\r\nyes")
      assert.include(yield* send(port, "CONFIG GET maxclients"), "77")
      yield* restart(start)
      assert.notInclude(yield* send(port, "CONFIG GET maxclients"), "77")
      yield* restart(Effect.andThen(wipe, start))
      assert.strictEqual(yield* send(port, "GET here"), "$-1")
    }).pipe(Effect.provide(RedisServer.layer))
  )

  it.live("stands still, and goes on", () =>
    Effect.gen(function* () {
      const { pause, port, resume } = yield* RedisServer
      yield* pause
      assert.strictEqual(yield* Effect.flip(send(port, "PING")), "no answer")
      yield* resume
      const answer = Effect.retry(send(port, "PING"), { schedule: Schedule.spaced("20 millis"), times: 100 })
      assert.strictEqual(yield* answer, "+PONG")
    }).pipe(Effect.provide(RedisServer.layer))
  )

  it.live("a program that is not there is named, with what to do", () =>
    Effect.gen(function* () {
      const env = ConfigProvider.layer(ConfigProvider.fromUnknown({ LETLETME_REDIS_SERVER: '["no-such-server"]' }))
      const error = yield* Effect.flip(
        Effect.scoped(Layer.build(Layer.fresh(RedisServer.layer).pipe(Layer.provide(env))))
      )
      assert.include(error.message, "no-such-server")
      assert.include(error.message, "Install redis-server")
    })
  )
})
