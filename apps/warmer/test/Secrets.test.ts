import { assert, describe, it } from "@effect/vitest"
import { RedisServer } from "@letletme/testing"
import { Effect } from "effect"
import { randomBytes } from "node:crypto"
import { run } from "./process.ts"

const password = "not-for-any-log"
const secret = randomBytes(32).toString("base64")
const secrets = [password, encodeURIComponent(password), secret, Buffer.from(secret, "base64").toString("hex")]

const server = RedisServer.layerWith({ args: ["--requirepass", password] })

const environment = (port: number, stated = password) => ({
  REDIS_URL: `redis://:${stated}@127.0.0.1:${port}`,
  REDIS_TLS_KEY: `-----BEGIN PRIVATE KEY----- ${secret}`,
  REDIS_TLS: "false",
  CACHE_ENCRYPTION_KEYS: `k1:${secret}`
})

const shows = (text: string): ReadonlyArray<string> => secrets.filter((one) => text.includes(one))

describe("secrets are in no log, answer, error or argument", () => {
  it.live("of commands that succeed and commands that fail, at the finest level of logging", () =>
    Effect.gen(function* () {
      const { port } = yield* RedisServer
      const right = environment(port)
      const runs: ReadonlyArray<readonly [ReadonlyArray<string>, Readonly<Record<string, string>>, number]> = [
        [["warm", "--json"], right, 0],
        [["warm"], environment(port, `${password}-wrong`), 1],
        [["warm"], { ...right, CACHE_ENCRYPTION_KEYS: `k1:${secret},k1:${secret}` }, 1]
      ]
      const done = yield* Effect.forEach(
        runs,
        ([args, env, expected]) =>
          Effect.map(run([...args, "--log-level", "all"], env), (result) => ({ args, expected, ...result })),
        { concurrency: 2 }
      )
      for (const { args, code, expected, stderr, stdout } of done) {
        assert.strictEqual(code, expected, `${args.join(" ")}: ${stderr}`)
        assert.deepStrictEqual(shows(stdout + stderr), [], args.join(" "))
      }
    }).pipe(Effect.provide(server))
  )
})
