import { assert, describe, it } from "@effect/vitest"
import { Redis } from "@letletme/redis"
import { Certificates, freePort, RedisServer } from "@letletme/testing"
import { Context, Effect, Layer, Schedule } from "effect"
import { randomBytes } from "node:crypto"
import { diagnose, folder, found, patient, sound } from "./diagnosis.ts"

/** A server of its own, for the life of the scope. */
const start = (args: ReadonlyArray<string>) =>
  Effect.map(Layer.build(Layer.fresh(RedisServer.layerWith({ args }))), (context) => Context.get(context, RedisServer))

const connectTo = (port: number) =>
  Effect.map(Layer.build(Layer.fresh(Redis.layer({ port }))), (context) => Context.get(context, Redis))

const often = { schedule: Schedule.spaced("20 millis"), times: 500 }

describe("servers that are not what they are taken for", () => {
  it.live("a replica; one that is behind; none where reads go to one", () =>
    Effect.gen(function* () {
      const primary = yield* start([...sound, "--repl-diskless-sync-delay", "0"])
      const database = { ...patient, DATABASE_URL: `${yield* folder}/database` }
      const env = { ...database, REDIS_URL: primary.url }
      const toReplicas = { ...env, REDIS_READ_FROM: "replica" }
      found(yield* diagnose(toReplicas), "warning", "replicas", /has none/, /REDIS_READ_FROM=primary/)

      const replica = yield* start([...sound, "--replicaof", "127.0.0.1", `${primary.port}`])
      const redis = yield* connectTo(primary.port)
      const isOnline = Effect.map(redis.send("INFO", "replication"), (info) => String(info).includes("state=online"))
      yield* Effect.retry(
        Effect.filterOrFail(isOnline, (online) => online),
        often
      )
      found(yield* diagnose(toReplicas), "warning", "replicas", /without its replicas/, /min-replicas-to-write 1/)
      yield* redis.send("CONFIG", "SET", "min-replicas-to-write", "1")
      assert.deepStrictEqual((yield* diagnose(toReplicas)).findings, [])
      const wrong = { ...database, REDIS_URL: replica.url }
      const words = new RegExp(`is a replica of 127.0.0.1:${primary.port}`)
      found(yield* diagnose(wrong), "error", "role", words, /the primary/)

      yield* replica.pause
      yield* redis.set("letletme:note:1@12345678", randomBytes(2 * 1024 * 1024))
      const late = yield* diagnose(env)
      yield* replica.resume
      found(late, "warning", "replicas", /is behind: online, \d{7} bytes/, /network/)
    }).pipe(Effect.scoped)
  )

  it.live("a node of a cluster, and a cluster that lacks slots", () =>
    Effect.gen(function* () {
      const node = yield* start([
        ...sound,
        "--cluster-enabled",
        "yes",
        "--cluster-require-full-coverage",
        "no",
        "--cluster-announce-ip",
        "127.0.0.1",
        "--cluster-port",
        `${yield* freePort}`
      ])
      const redis = yield* connectTo(node.port)
      yield* redis.send("CLUSTER", "ADDSLOTSRANGE", 0, 16_000)
      const isUp = Effect.map(redis.send("CLUSTER", "INFO"), (info) => String(info).includes("cluster_state:ok"))
      yield* Effect.retry(
        Effect.filterOrFail(isUp, (up) => up),
        often
      )
      const database = { ...patient, DATABASE_URL: `${yield* folder}/database` }
      // The keys that are tried lie in slots that are served.
      const env = { ...database, CACHE_NAMESPACE: "served" }
      const alone = yield* diagnose({ ...env, REDIS_URL: node.url })
      found(alone, "error", "role", /a node of a cluster/, /Set REDIS_CLUSTER/)
      const cluster = yield* diagnose({ ...env, REDIS_CLUSTER: `127.0.0.1:${node.port}` })
      found(cluster, "error", "cluster", /383 of its 16384 slots are not served/, /--cluster fix/)
      yield* redis.send("CLUSTER", "ADDSLOTSRANGE", 16_001, 16_383)
      assert.deepStrictEqual((yield* diagnose({ ...env, REDIS_CLUSTER: `127.0.0.1:${node.port}` })).findings, [])
    }).pipe(Effect.scoped)
  )

  it.live("a certificate that is about to expire, is not verified, or cannot be", () =>
    Effect.gen(function* () {
      const authority = yield* Certificates.authority
      const { certFile, keyFile } = yield* authority.issue("server", "localhost", 1)
      const lasting = yield* authority.issue("lasting", "localhost", 100)
      const port = yield* freePort
      const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", authority.caFile]
      const server = yield* start([...sound, "--tls-port", `${port}`, "--tls-auth-clients", "no", ...files])
      const database = { ...patient, DATABASE_URL: `${yield* folder}/database` }
      const env = { ...database, REDIS_URL: `rediss://localhost:${port}`, REDIS_TLS_CA: authority.ca }
      found(yield* diagnose(env), "warning", "TLS", /expires in 0 days/, /tls-cert-file/)
      const { REDIS_TLS_CA: _, ...unknown } = env
      found(yield* diagnose(unknown), "error", "connection", /TLS is refused/, /REDIS_TLS_CA/)
      const redis = yield* connectTo(server.port)
      yield* redis.send("CONFIG", "SET", "tls-cert-file", lasting.certFile, "tls-key-file", lasting.keyFile)
      assert.deepStrictEqual((yield* diagnose(env)).findings, [])
      const blind = { ...env, REDIS_TLS_REJECT_UNAUTHORIZED: "false" }
      found(yield* diagnose(blind), "error", "TLS", /whoever is on the way/, /REDIS_TLS_CA/)
    }).pipe(Effect.scoped)
  )
})
