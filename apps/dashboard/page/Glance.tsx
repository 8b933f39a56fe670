/**
 * The numbers that one looks at first.
 */
import type { Overview } from "@letletme/warmer/live/Overview"
import { latest } from "./rates.ts"
import { bytes, duration, number, percent } from "./words.ts"

// The last so many seconds.
const span = 60

export const Glance = ({ overview, overviews }: { overview: Overview; overviews: ReadonlyArray<Overview> }) => {
  const rates = latest(overviews, span)
  const { consistency, domains, log, memory } = overview
  const entries = domains.reduce((sum, { nearEntries }) => sum + nearEntries, 0)
  const near = domains.reduce((sum, { nearBytes }) => sum + nearBytes, 0)
  const lag = log.highest > log.position
  const values: ReadonlyArray<readonly [string, string, string]> = [
    ["Hit rate", percent(rates?.hitShare), "of reads, in the last minute"],
    ["Reads", rates === undefined ? "–" : `${number(rates.readsPerSecond)}/s`, "in the last minute"],
    ["Loads", rates === undefined ? "–" : `${number(rates.loadsPerSecond)}/s`, `${duration(rates?.loadMillis)} each`],
    ["At hand", number(entries), `entries, ${bytes(near)}`],
    ["Log", log.trusted ? (lag ? "behind" : "current") : "silent", `${number(log.tags)} tags remembered`],
    memory.redis === null
      ? ["Memory", bytes(memory.resident), `heap ${bytes(memory.heap)}`]
      : ["Redis", bytes(memory.redis.used), memory.redis.limit === 0 ? "no limit" : `of ${bytes(memory.redis.limit)}`],
    consistency === null
      ? ["Monitor", "off", "start with --monitor 60"]
      : [
          "Consistent",
          consistency.inconsistent === 0 ? "100 %" : `${consistency.nines} nines`,
          `${number(consistency.samples)} samples`
        ]
  ]
  return (
    <section class="glance" aria-label="At a glance">
      <dl>
        {values.map(([name, value, note]) => (
          <div class="card" key={name}>
            <dt>{name}</dt>
            <dd>
              <strong>{value}</strong>
              <small>{note}</small>
            </dd>
          </div>
        ))}
      </dl>
    </section>
  )
}
