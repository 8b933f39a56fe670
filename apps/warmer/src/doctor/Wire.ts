/**
 * The way to Redis: its latency, its clock beside ours, and the certificate that it shows.
 */
import { Advice, type CacheConfig } from "@letletme/cache"
import type { RedisConfig } from "@letletme/redis"
import { Clock, Effect, Option, Redacted, Schema } from "effect"
import { connect } from "node:tls"

const rounds = 9
const mostSkew = 2_000
const day = 86_400_000
const soon = 14 * day

const decodeTime = Schema.decodeUnknownEffect(Schema.Tuple([Schema.FiniteFromString, Schema.FiniteFromString]))

/** Asks for the time again and again: how long an answer takes, and what it says beside our own clock. */
const measure = Effect.fnUntraced(function* ({ send }: Advice.Server) {
  const clock = yield* Clock.Clock
  const round = Effect.gen(function* () {
    const from = performance.now()
    const reply = yield* send("TIME", [])
    const took = performance.now() - from
    const texts = Array.isArray(reply) ? reply.map(String) : []
    const [seconds, micros] = yield* decodeTime(texts)
    const theirs = seconds * 1000 + micros / 1000
    return { took, skew: clock.currentTimeMillisUnsafe() - took / 2 - theirs }
  })
  const all = yield* Effect.replicateEffect(round, rounds)
  return all.toSorted((one, other) => one.took - other.took)[Math.floor(rounds / 2)] ?? { took: 0, skew: 0 }
})

/** What is wrong with a server that takes so long (ms) to answer, and beside whose clock ours is so far ahead (ms). */
export const judge = (
  name: string,
  { skew, took }: { readonly skew: number; readonly took: number },
  { maxStaleness, storeTimeout }: CacheConfig.Settings
): ReadonlyArray<Advice.Finding> => {
  const { error, warning } = Advice.of("latency")
  const answer = `${name} answers in ${took.toFixed(1)} ms`
  return [
    ...Advice.when(took >= storeTimeout, () =>
      error(
        `${answer}, and reads wait for ${storeTimeout} ms (CACHE_STORE_TIMEOUT): it is never asked in time.`,
        "Bring the process nearer to it, or raise CACHE_STORE_TIMEOUT."
      )
    ),
    ...Advice.when(took < storeTimeout && took > storeTimeout / 4, () =>
      warning(
        `${answer}, more than a quarter of CACHE_STORE_TIMEOUT (${storeTimeout} ms).`,
        "Bring the process nearer to it, look at SLOWLOG, or raise CACHE_STORE_TIMEOUT."
      )
    ),
    // The view is heard of every third of that time.
    ...Advice.when(took * 3 > maxStaleness, () =>
      error(
        `${answer}: the view may be ${maxStaleness} ms old (CACHE_MAX_STALENESS), and would hardly ever be trusted.`,
        "Raise CACHE_MAX_STALENESS to four times the latency at least; the default is 1 second."
      )
    ),
    ...Advice.when(Math.abs(skew) > mostSkew, () =>
      Advice.of("clock").warning(
        `This process's clock is ${Math.abs(skew / 1000).toFixed(1)} s ${skew > 0 ? "ahead of" : "behind"} that of ${name}: entries expire that much too ${skew > 0 ? "early" : "late"} for others.`,
        "Set both machines' clocks by NTP. What is valid does not depend on them."
      )
    )
  ]
}

/** Whether answers come in time, and both clocks say the same. */
export const wire = (server: Advice.Server, settings: CacheConfig.Settings) =>
  Effect.map(measure(server), (measured) => judge(server.name, measured, settings))

const loopback = /^(?:localhost|127\.\d+\.\d+\.\d+|::1)$/

/** Whether TLS is used where it matters, and does what it is for. */
export const secrecy = ({ host, password, tls }: RedisConfig.RedisConfig): ReadonlyArray<Advice.Finding> => {
  const { error, warning } = Advice.of("TLS")
  return [
    ...Advice.when(tls?.rejectUnauthorized === false, () =>
      error(
        "REDIS_TLS_REJECT_UNAUTHORIZED is false: whoever is on the way can read and alter everything.",
        "Take it away, and state the authority in REDIS_TLS_CA."
      )
    ),
    ...Advice.when(tls === undefined && password !== undefined && !loopback.test(host), () =>
      warning(
        `The password goes to ${host} in plain text.`,
        "Use rediss:// with REDIS_TLS_CA, or a network that nobody else is on."
      )
    )
  ]
}

/** Until when the server's certificate is good; none where it shows none in time. */
const expiry = (
  { connectTimeout, host, port, tls }: RedisConfig.RedisConfig,
  clock: Clock.Clock
): Effect.Effect<Option.Option<number>> =>
  Effect.callback<Option.Option<number>>((resume) => {
    const socket = connect({
      host,
      port,
      servername: tls?.serverName ?? host,
      rejectUnauthorized: false,
      ...(tls?.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls?.key === undefined ? {} : { key: Redacted.value(tls.key) })
    })
    socket.once("secureConnect", () => {
      const until = Date.parse(socket.getPeerCertificate().valid_to)
      resume(Number.isNaN(until) ? Effect.succeedNone : Effect.succeedSome(until - clock.currentTimeMillisUnsafe()))
    })
    socket.once("error", () => resume(Effect.succeedNone))
    return Effect.sync(() => socket.destroy())
  }).pipe(Effect.timeoutOrElse({ duration: connectTimeout, orElse: () => Effect.succeedNone }))

/** Whether the certificate is about to expire. */
export const certificate = Effect.fnUntraced(function* (config: RedisConfig.RedisConfig) {
  if (config.tls === undefined || config.topology._tag !== "Standalone") return []
  const left = yield* expiry(config, yield* Clock.Clock)
  return Option.match(left, {
    onNone: (): ReadonlyArray<Advice.Finding> => [],
    onSome: (millis) =>
      Advice.when(millis < soon, () =>
        Advice.of("TLS").warning(
          `The certificate of ${config.host}:${config.port} expires in ${Math.max(0, Math.floor(millis / day))} days; from then on no process connects.`,
          "Renew it, and have Redis read it: CONFIG SET tls-cert-file …"
        )
      )
  })
})
