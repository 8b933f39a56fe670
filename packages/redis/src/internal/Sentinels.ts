/**
 * Whether the sentinels agree on who is the primary.
 *
 * One that was replaced while it hung does not know it yet when it goes on: it says of itself that it is the primary, and
 * whoever connects to it would be given what is old, and told of writes that are lost.
 *
 * @see https://redis.io/docs/latest/develop/reference/sentinel-clients/
 */
import { Effect } from "effect"
import type { RedisConfig } from "../RedisConfig.ts"
import { openSentinel, type Watched } from "./open.ts"

/** What one sentinel says; `undefined` where it says nothing in time. */
const ask = (config: RedisConfig, watched: Watched) =>
  Effect.callback<string | undefined>((resume) => {
    const client = openSentinel(config, watched)
    const answer = (address: string | undefined) => {
      client.disconnect()
      resume(Effect.succeed(address))
    }
    client.on("error", () => answer(undefined))
    void client.call("SENTINEL", ["GET-MASTER-ADDR-BY-NAME", watched.topology.name], (error, reply) =>
      answer(!error && Array.isArray(reply) ? reply.map(String).join(":") : undefined)
    )
    return Effect.sync(() => client.disconnect())
  })

/** Whether at least one sentinel names this address as the primary's, and none another. */
export const agreeOn = (config: RedisConfig, topology: Watched["topology"], address: string): Effect.Effect<boolean> =>
  Effect.map(
    Effect.forEach(topology.sentinels, (sentinel) => ask(config, { topology, sentinel }), { concurrency: "unbounded" }),
    (said) => said.includes(address) && said.every((one) => one === undefined || one === address)
  )
