/**
 * What somebody who looks for faults says.
 */

/** What is wrong, and what to do about it. */
export interface Finding {
  /** An error keeps it from working, or may lose what was cached; a warning will hurt one day. */
  readonly severity: "error" | "warning"
  /** What was looked at, such as "memory policy". */
  readonly check: string
  readonly found: string
  readonly remedy: string
}

/** What could not be looked at, and why. */
export interface Skipped {
  readonly check: string
  readonly because: string
}

/** What came of one look. */
export interface Looked {
  readonly findings: ReadonlyArray<Finding>
  readonly skipped: ReadonlyArray<Skipped>
}

/** Makes the findings of one check, for those who look at more. */
export const of = (check: string) => ({
  error: (found: string, remedy: string): Finding => ({ severity: "error", check, found, remedy }),
  warning: (found: string, remedy: string): Finding => ({ severity: "warning", check, found, remedy })
})

/** A finding, where the condition holds. */
export const when = (condition: boolean, finding: () => Finding): ReadonlyArray<Finding> =>
  condition ? [finding()] : []
