/**
 * Whether a cluster serves every slot.
 */
import { Advice } from "@letletme/cache"
import { Effect } from "effect"

const slots = 16_384

/** Asks a node how the cluster is. */
export const cluster = Effect.fnUntraced(function* ({ name, send }: Advice.Server) {
  const text = String(yield* send("CLUSTER", ["INFO"]))
  const field = (key: string) => new RegExp(`${key}:(\\S+)`).exec(text)?.[1] ?? ""
  const [state, served] = [field("cluster_state"), Number(field("cluster_slots_ok"))]
  const findings: ReadonlyArray<Advice.Finding> = Advice.when(state !== "ok" || served < slots, () =>
    Advice.of("cluster").error(
      `By ${name} the cluster is "${state}", and ${slots - served} of its ${slots} slots are not served: keys in them cannot be read or written.`,
      "redis-cli --cluster check, then --cluster fix; bring back the nodes that are down."
    )
  )
  return findings
})
