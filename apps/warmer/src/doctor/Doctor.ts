/**
 * The doctor: looks at settings, keys, database and Redis, and says of each thing that is wrong what to do about it.
 */
import { Advice, CacheConfig } from "@letletme/cache"
import { Redis, type RedisConfig, type RedisError } from "@letletme/redis"
import { Context, Effect, Layer, Result, type Scope } from "effect"
import { placeOf } from "../Database.ts"
import { type Shared, storeOf } from "../Settings.ts"
import { cluster } from "./Cluster.ts"
import { database } from "./Database.ts"
import { keys } from "./Keys.ts"
import { namespace } from "./Namespace.ts"
import { permissions } from "./Permissions.ts"
import * as Settings from "./Settings.ts"
import { certificate, secrecy, wire } from "./Wire.ts"

/** What came of an examination. */
export interface Diagnosis extends Advice.Looked {
  /** How many things were looked at. */
  readonly checks: number
}

// A check that hangs is given up.
const longest = "15 seconds"

const makeTally = () => {
  const findings: Array<Advice.Finding> = []
  const skipped: Array<Advice.Skipped> = []
  let checks = 0
  const add = (looked: Advice.Looked | ReadonlyArray<Advice.Finding>) => {
    checks++
    if ("findings" in looked) {
      findings.push(...looked.findings)
      skipped.push(...looked.skipped)
    } else findings.push(...looked)
  }
  return {
    add,
    /** Does a check; one that fails or hangs was not done, and the others are. */
    check: <R>(
      name: string,
      effect: Effect.Effect<Advice.Looked | ReadonlyArray<Advice.Finding>, { readonly message: string }, R>
    ): Effect.Effect<void, never, R> =>
      effect.pipe(
        Effect.timeout(longest),
        Effect.match({
          onFailure: ({ message }) => {
            skipped.push({ check: name, because: message })
          },
          onSuccess: add
        })
      ),
    diagnosis: (): Diagnosis => {
      const order = (one: Advice.Finding) => (one.severity === "error" ? 0 : 1)
      return { checks, findings: findings.toSorted((one, other) => order(one) - order(other)), skipped }
    }
  }
}

/** Why there is no connection, and what to do. */
const unreachable = ({ reason }: RedisError): Advice.Finding => {
  const { error } = Advice.of("connection")
  const { detail } = reason
  if (/certificate|self-signed|TLS|SSL|altname/i.test(detail)) {
    return error(
      `TLS is refused: ${detail}.`,
      "State the authority in REDIS_TLS_CA, the name on the certificate in REDIS_TLS_SERVER_NAME, and our own certificate, if it wants one, in REDIS_TLS_CERT and REDIS_TLS_KEY."
    )
  }
  return reason._tag === "Auth"
    ? error(`Redis refuses the user: ${detail}.`, "Correct REDIS_USERNAME and REDIS_PASSWORD, or the user's ACL.")
    : error(`There is no connection: ${detail}.`, "Check that it runs, and host, port, TLS and firewall: REDIS_URL.")
}

const connect = (
  config: RedisConfig.RedisConfig
): Effect.Effect<Result.Result<Redis["Service"], RedisError>, never, Scope.Scope> =>
  Effect.result(
    Effect.map(Layer.build(Layer.fresh(Redis.layer({ ...config, lazy: false }))), (context) =>
      Context.get(context, Redis)
    )
  )

/** Why there is none to a cluster: of a server that is none its client says only that nobody was there. */
const unreachableCluster = Effect.fnUntraced(function* (config: RedisConfig.RedisConfig, failure: RedisError) {
  const [first] = config.topology._tag === "Cluster" ? config.topology.nodes : []
  if (first === undefined) return unreachable(failure)
  const alone = yield* connect({ ...config, ...first, topology: { _tag: "Standalone" } })
  return Result.match(alone, {
    onFailure: unreachable,
    onSuccess: () =>
      Advice.of("connection").error(
        `${first.host}:${first.port} answers, and is no cluster that is well; REDIS_CLUSTER says that it is one.`,
        "Take REDIS_CLUSTER away and set REDIS_URL, or mend the cluster: redis-cli --cluster check"
      )
  })
})

const nameOf = ({ host, port, topology }: RedisConfig.RedisConfig) =>
  topology._tag === "Sentinel" ? `The primary of ${topology.name}` : `${host}:${port}`

/**
 * Looks at everything that the flags and the environment name. What it finds is answered, never thrown, but for a flag
 * that is not understood. It changes nothing: two keys of its own, `#doctor`, are gone before it ends.
 */
export const examine = Effect.fn("doctor")(function* (shared: Pick<Shared, "store" | "database">) {
  const { add, check, diagnosis } = makeTally()
  const variables = yield* Settings.variables
  add(variables)
  // What cannot be read cannot be judged.
  if (variables.some(({ severity }) => severity === "error")) return diagnosis()

  const settings = yield* CacheConfig.config
  const store = yield* storeOf(shared.store)
  const place = yield* placeOf(shared.database)
  add(Settings.ofCache(settings))
  yield* check("encryption keys", keys)
  yield* check("database", database(place, store._tag === "Redis"))
  if (store._tag === "Memory") return diagnosis()

  const { config } = store
  add(Settings.together(settings, config))
  add(secrecy(config))
  const connected = yield* connect(config)
  if (Result.isFailure(connected)) {
    add([yield* unreachableCluster(config, connected.failure)])
    return diagnosis()
  }
  const redis = connected.success
  yield* check("certificate", certificate(config))
  const given = Effect.provide([Layer.succeed(Redis, redis), Layer.succeed(CacheConfig.Settings, settings)])
  yield* check("permissions", given(permissions(settings.namespace, config)))
  yield* check("namespace", given(namespace))
  yield* check(
    "servers",
    Effect.gen(function* () {
      const servers = yield* Advice.servers(redis, nameOf(config))
      const use = { isCluster: config.topology._tag === "Cluster", readsReplicas: config.readFrom === "replica" }
      yield* Effect.forEach(
        servers,
        (server) =>
          Effect.andThen(
            check("server", Advice.judge(server, use)),
            check("latency and clock", wire(server, settings))
          ),
        { discard: true }
      )
      const [first] = servers
      if (first === undefined) {
        return [
          Advice.of("cluster").error("The cluster names no primary.", "redis-cli --cluster check, then --cluster fix.")
        ]
      }
      if (config.topology._tag === "Cluster") yield* check("cluster", cluster(first))
      return []
    })
  )
  return diagnosis()
}, Effect.scoped)
