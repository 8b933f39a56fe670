/**
 * Who it is, and how it is.
 */
import type { Overview } from "@letletme/warmer/live/Overview"
import type { State } from "./live.ts"
import { duration } from "./words.ts"

export const Header = ({ connection, overview }: { overview: Overview; connection: State["connection"] }) => {
  const isLost = connection === "lost"
  const status = isLost ? "not connected" : overview.health.status
  const reasons = isLost ? ["The warmer does not answer. What is shown is what it told last."] : overview.health.reasons
  const { leader, state } = overview.leadership
  return (
    <header>
      <div class="brand">
        <h1>LetLetMe Cache</h1>
        <p class="status" data-status={status} role="status">
          {status}
        </p>
        <dl class="facts">
          <div>
            <dt>season</dt>
            <dd>{overview.season ?? "none yet"}</dd>
          </div>
          <div>
            <dt>data</dt>
            <dd>{overview.data.age === null ? "not asked yet" : `${duration(overview.data.age)} old`}</dd>
          </div>
          <div>
            <dt>this process</dt>
            <dd>
              {state === "leading"
                ? "leads"
                : state === "standing by"
                  ? `stands by for ${leader}`
                  : "does not know who leads"}
            </dd>
          </div>
          <div>
            <dt>up</dt>
            <dd>{duration(overview.at - overview.startedAt)}</dd>
          </div>
        </dl>
      </div>
      {reasons.length > 0 && (
        <ul class="reasons" role="alert">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
    </header>
  )
}
