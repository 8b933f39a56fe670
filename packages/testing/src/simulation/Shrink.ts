/**
 * Makes a plan smaller while it still shows what it showed.
 */
import { fair } from "../SimulatedNetwork.ts"
import type { Plan } from "./Plan.ts"

// How many smaller plans are tried.
const attempts = 400

/** Settings at which nothing special happens, one by one. */
const plain: ReadonlyArray<(plan: Plan) => Plan> = [
  (plan) => ({ ...plan, weather: fair }),
  (plan) => ({ ...plan, skews: plan.skews.map(() => 0) }),
  (plan) => ({ ...plan, timeToLive: 60_000 }),
  (plan) => ({ ...plan, lookup: [0.5, 3] }),
  (plan) => ({ ...plan, statesRevisions: false }),
  (plan) => ({ ...plan, asksTogether: false }),
  (plan) => ({ ...plan, servesStale: false }),
  (plan) => ({ ...plan, settings: { ...plan.settings, nearEntries: 1_000 } }),
  (plan) => ({ ...plan, settings: { ...plan.settings, maxTagsPerEntry: 128 } }),
  (plan) => ({ ...plan, settings: { ...plan.settings, maxTags: 100_000 } }),
  (plan) => ({ ...plan, settings: { ...plan.settings, logLength: 10_000 } }),
  (plan) => ({ ...plan, skews: plan.skews.slice(0, -1) }),
  (plan) => ({ ...plan, skews: plan.skews.slice(0, -1) })
]

/** Leaves out steps, in ever smaller groups, then what is special about the settings. */
export const shrink = (plan: Plan, shows: (smaller: Plan) => boolean): Plan => {
  let best = plan
  let left = attempts
  const isAccepted = (smaller: Plan): boolean => {
    if (left <= 0) return false
    left--
    if (!shows(smaller)) return false
    best = smaller
    return true
  }

  let size = Math.ceil(best.steps.length / 2)
  while (size >= 1) {
    let isSmaller = false
    for (let from = 0; from < best.steps.length;) {
      const steps = [...best.steps.slice(0, from), ...best.steps.slice(from + size)]
      if (isAccepted({ ...best, steps })) isSmaller = true
      else from += size
    }
    if (size === 1 && !isSmaller) break
    size = size === 1 ? 1 : Math.floor(size / 2)
  }
  for (const simplify of plain) if (best.skews.length > 1) isAccepted(simplify(best))
  return best
}
