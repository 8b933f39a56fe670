import { assert, layer } from "@effect/vitest"
import { Redis, RedisConfig, type RedisError } from "@letletme/redis"
import { Certificates, freePort, RedisServer } from "@letletme/testing"
import { ConfigProvider, Context, Effect, Layer, Redacted } from "effect"

/** A server that wants certificates of its clients, one whose own has expired, and what clients need. */
class Servers extends Context.Service<
  Servers,
  {
    readonly port: number
    readonly expired: number
    readonly ca: string
    readonly otherCa: string
    readonly client: Certificates.Certificate
  }
>()("test/Servers") {}

const startTls = Effect.fnUntraced(function* (caFile: string, { certFile, keyFile }: Certificates.Certificate) {
  const port = yield* freePort
  const files = ["--tls-cert-file", certFile, "--tls-key-file", keyFile, "--tls-ca-cert-file", caFile]
  yield* Layer.build(RedisServer.layerWith({ args: ["--tls-port", `${port}`, ...files] }))
  return port
})

const servers = Layer.effect(
  Servers,
  Effect.gen(function* () {
    const authority = yield* Certificates.authority
    const other = yield* Certificates.authority
    const port = yield* startTls(authority.caFile, yield* authority.issue("server", "localhost", 1))
    const expired = yield* startTls(authority.caFile, yield* authority.issue("expired", "localhost", -1))
    const client = yield* authority.issue("client", "letletme", 1)
    return { port, expired, ca: authority.ca, otherCa: other.ca, client }
  })
)

type Stated = Partial<RedisConfig.RedisConfig>

const connect = (config: Stated): Effect.Effect<unknown, RedisError> =>
  Effect.scoped(
    Effect.flatMap(Layer.build(Redis.layer({ connectTimeout: 3_000, ...config })), (context) =>
      Effect.provide(
        Redis.use((redis) => redis.send("PING")),
        context
      )
    )
  )

const tlsOf = ({ ca, client }: Servers["Service"], stated: Partial<RedisConfig.Tls> = {}): RedisConfig.Tls => ({
  ca,
  cert: client.cert,
  key: Redacted.make(client.key),
  serverName: "localhost",
  rejectUnauthorized: true,
  ...stated
})

layer(servers, { excludeTestServices: true })("TLS", (it) => {
  it.effect("a mutual handshake, by settings in code and by the environment", () =>
    Effect.gen(function* () {
      const its = yield* Servers
      assert.strictEqual(yield* connect({ port: its.port, tls: tlsOf(its) }), "PONG")
      const config = yield* RedisConfig.config.pipe(
        Effect.provideService(
          ConfigProvider.ConfigProvider,
          ConfigProvider.fromEnv({
            env: {
              REDIS_URL: `rediss://localhost:${its.port}`,
              REDIS_TLS_CA: its.ca,
              REDIS_TLS_CERT: its.client.cert,
              REDIS_TLS_KEY: its.client.key
            }
          })
        )
      )
      assert.strictEqual(yield* connect(config), "PONG")
      assert.notInclude(JSON.stringify(config), "PRIVATE KEY")
    })
  )

  const refusals: ReadonlyArray<readonly [string, (its: Servers["Service"]) => Stated, RegExp]> = [
    [
      "a certificate of another authority",
      (its) => ({ port: its.port, tls: tlsOf(its, { ca: its.otherCa }) }),
      /certificate|signature/
    ],
    [
      "an authority that nobody stated",
      (its) => ({ port: its.port, tls: tlsOf(its, { ca: undefined }) }),
      /certificate/
    ],
    ["an expired certificate", (its) => ({ port: its.expired, tls: tlsOf(its) }), /certificate has expired/],
    [
      "another host's certificate",
      (its) => ({ port: its.port, tls: tlsOf(its, { serverName: "redis.example" }) }),
      /redis\.example/
    ],
    [
      "a client without a certificate",
      (its) => ({ port: its.port, tls: tlsOf(its, { cert: undefined, key: undefined }) }),
      /certificate|closed|ECONNRESET/
    ],
    ["plain text", (its) => ({ port: its.port }), /closed|ECONNRESET|did not answer/]
  ]
  for (const [what, stated, words] of refusals) {
    it.effect(`refuses ${what}, and says so`, () =>
      Effect.gen(function* () {
        const its = yield* Servers
        const { message, reason } = yield* Effect.flip(connect(stated(its)))
        assert.strictEqual(reason._tag, "ConnectionLost")
        assert.match(message, words)
        assert.notInclude(message, "PRIVATE KEY")
      })
    )
  }
})
