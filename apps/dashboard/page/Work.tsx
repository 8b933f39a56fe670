/**
 * What is under way: warming and verifying; and what the monitor has found.
 */
import type { Overview } from "@letletme/warmer/live/Overview"
import type { State } from "./live.ts"
import { duration, number } from "./words.ts"

const titles = { warm: "Warming", verify: "Verifying" } as const

export const Work = ({ overview, progress }: { overview: Overview; progress: State["progress"] }) => {
  const { consistency, invalidations, storeErrors, warmed } = overview
  const errors = Object.entries(storeErrors)
  return (
    <section class="panel work" aria-labelledby="work-title">
      <h2 id="work-title">Under way</h2>
      {(["warm", "verify"] as const).map((what) => {
        const { done = 0, stage = "idle", total = 0 } = progress[what] ?? {}
        const isIdle = total === 0
        return (
          <div class="progress" key={what}>
            <span id={`${what}-label`}>{titles[what]}</span>
            <progress aria-labelledby={`${what}-label`} max={isIdle ? 1 : total} value={isIdle ? 0 : done} />
            <small>{isIdle ? "idle" : `${stage}: ${number(done)} of ${number(total)}`}</small>
          </div>
        )
      })}
      <dl class="rows">
        <div>
          <dt>Last warming</dt>
          <dd>
            {warmed === null
              ? "none yet"
              : `${number(warmed.entries)} entries ${warmed.path}, ${number(warmed.loaded)} of them loaded, in ${duration(warmed.millis)}`}
          </dd>
        </div>
        <div>
          <dt>Invalidations</dt>
          <dd>
            {Object.entries(invalidations)
              .map(([cause, times]) => `${cause} ${number(times)}`)
              .join(", ") || "none yet"}
          </dd>
        </div>
        <div>
          <dt>Failed calls of the store</dt>
          <dd>
            {errors.length === 0 ? "none" : errors.map(([operation, times]) => `${operation} ${times}`).join(", ")}
          </dd>
        </div>
        <div>
          <dt>Consistency monitor</dt>
          <dd>
            {consistency === null
              ? "off: start the warmer with --monitor 60"
              : `${number(consistency.samples)} samples, ${number(consistency.inconsistent)} inconsistent${consistency.inconsistent > 0 ? `, the oldest ${duration(consistency.oldest)}` : ""}`}
          </dd>
        </div>
      </dl>
    </section>
  )
}
