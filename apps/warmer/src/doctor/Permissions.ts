/**
 * Whether the user may do all that the cache does: each command is tried on keys of the doctor's own.
 */
import { Acl, Advice } from "@letletme/cache"
import { Redis, type RedisConfig, type RedisError } from "@letletme/redis"
import { Effect, Result } from "effect"
import { createHash } from "node:crypto"

const lua = "return 1"
const digest = createHash("sha1").update(lua).digest("hex")

// Should it end before it has cleaned up, so long (ms) do its keys stay.
const lifetime = 10_000

type Command = readonly [name: string, ...args: ReadonlyArray<string | number>]

/**
 * What tries each command. The keys hold text, so what is for hashes and streams changes nothing: whoever may send it is
 * told of the wrong type.
 */
const tries = (plain: string, braced: string): ReadonlyMap<string, Command> =>
  new Map<string, Command>([
    ["get", ["GET", plain]],
    ["mget", ["MGET", plain]],
    ["getrange", ["GETRANGE", plain, 0, 0]],
    ["scan", ["SCAN", 0, "MATCH", plain, "COUNT", 1]],
    ["eval", ["EVAL", lua, 1, plain]],
    ["evalsha", ["EVALSHA", digest, 1, plain]],
    ["hget", ["HGET", braced, "field"]],
    ["hmget", ["HMGET", braced, "field"]],
    ["hgetall", ["HGETALL", braced]],
    ["hset", ["HSET", braced, "field", "1"]],
    ["hdel", ["HDEL", braced, "field"]],
    ["xadd", ["XADD", braced, "*", "field", "1"]],
    ["xrange", ["XRANGE", braced, "-", "+", "COUNT", 1]],
    ["xrevrange", ["XREVRANGE", braced, "+", "-", "COUNT", 1]],
    ["xread", ["XREAD", "COUNT", 1, "STREAMS", braced, "0"]],
    ["time", ["TIME"]],
    ["info", ["INFO", "server"]],
    ["client|setname", ["CLIENT", "SETNAME", "letletme-doctor"]],
    ["cluster|slots", ["CLUSTER", "SLOTS"]],
    ["cluster|info", ["CLUSTER", "INFO"]],
    ["asking", ["ASKING"]]
  ])

// A connection is begun with these: without them there is none.
const untried = new Set(["set", "del", "unlink", "readonly", "readwrite", "select"])

const isRefusal = (error: RedisError) => error.reason._tag === "Auth"
const isOfKeys = ({ reason }: RedisError) => /\bkeys?\b/.test(reason.detail)

/** Looks what the user is refused of what {@link Acl.rules} has, and says how to permit it. */
export const permissions = Effect.fnUntraced(function* (
  namespace: string,
  { db, topology, username = "default" }: RedisConfig.RedisConfig
) {
  const redis = yield* Redis
  const [plain, braced] = [`${namespace}:#doctor`, `{${namespace}}:#doctor`]
  const missing = new Set<string>()
  const attempt = (rule: string, key: string, [command, ...args]: Command) =>
    Effect.map(Effect.result(redis.send(command, ...args)), (result) => {
      const isRefused = Result.isFailure(result) && isRefusal(result.failure)
      if (isRefused) missing.add(isOfKeys(result.failure) ? `~${key.replace("#doctor", "*")}` : rule)
      return Result.isSuccess(result)
    })

  const commands = tries(plain, braced)
  const rules = Acl.rules({ namespace, db, cluster: topology._tag === "Cluster" }).filter((rule) =>
    rule.startsWith("+")
  )
  const set = (key: string) => attempt("+set", key, ["SET", key, "doctor", "PX", lifetime])
  const hasKeys = (yield* set(plain)) && (yield* set(braced))
  const skipped: Array<string> = []
  for (const rule of rules) {
    const command = commands.get(rule.slice(1))
    if (command === undefined) {
      if (!untried.has(rule.slice(1))) skipped.push(rule)
      continue
    }
    // On a key that is not there, a hash or a stream would be made.
    if (!hasKeys && /^\+(?:hset|xadd)$/.test(rule)) continue
    yield* attempt(rule, command.includes(braced) ? braced : plain, command)
  }
  yield* attempt("+unlink", plain, ["UNLINK", plain])
  yield* attempt("+del", braced, ["DEL", braced])

  const permitted = [...missing].join(" ")
  const findings: ReadonlyArray<Advice.Finding> = Advice.when(missing.size > 0, () =>
    Advice.of("permissions").error(
      `The user ${username} lacks ${permitted}.`,
      `ACL SETUSER ${username} ${permitted}, or all at once: what \`warmer acl\` prints.`
    )
  )
  return { findings, skipped: skipped.map((rule) => ({ check: "permissions", because: `${rule} was not tried.` })) }
})
