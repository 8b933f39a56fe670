/**
 * The invalidation log as the warmer hears it.
 */
import type { LogEntry } from "@letletme/warmer/live/LogEntry"
import { useState } from "preact/hooks"
import { clock } from "./words.ts"

const shown = 60

const matches = ({ by, cause, tags }: LogEntry, text: string): boolean =>
  [cause, by, ...tags].some((one) => one.toLowerCase().includes(text))

export const Log = ({ log }: { log: ReadonlyArray<LogEntry> }) => {
  const [filter, setFilter] = useState("")
  const found = filter === "" ? log : log.filter((entry) => matches(entry, filter.toLowerCase()))
  return (
    <section class="panel log" aria-labelledby="log-title">
      <h2 id="log-title">Invalidation log</h2>
      <div class="fields">
        <label>
          Cause, tag or process contains
          <input type="search" value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
        </label>
      </div>
      <ol class="entries-list" aria-label="Latest first">
        {found.slice(0, shown).map((entry) => (
          <li key={entry.position}>
            <details>
              <summary>
                <time dateTime={new Date(entry.at).toISOString()}>{clock(entry.at)}</time>
                <span class="cause">{entry.cause}</span>
                <span class="chips">
                  {entry.domains.map((domain) => (
                    <span class="chip" key={domain}>
                      {domain}
                    </span>
                  ))}
                </span>
              </summary>
              <p class="hint">
                Position {entry.position}, by {entry.by}
              </p>
              <div class="tags">
                {entry.tags.map((tag) => (
                  <code key={tag}>{tag}</code>
                ))}
                {entry.more > 0 && <span>and {entry.more} more</span>}
                {entry.tags.length === 0 && <span>It invalidates nothing.</span>}
              </div>
            </details>
          </li>
        ))}
      </ol>
      {found.length === 0 && <p class="hint">Nothing {filter === "" ? "was invalidated yet" : "like that"}.</p>}
    </section>
  )
}
