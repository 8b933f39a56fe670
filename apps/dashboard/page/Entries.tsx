/**
 * The entries of a domain, and why each is fresh, stale or absent.
 */
import { Entries as Listed, Explained } from "@letletme/warmer/live/Answers"
import type { Schema } from "effect"
import { useEffect, useState } from "preact/hooks"
import { ask } from "./ask.ts"
import { bytes, clock, day, duration, number } from "./words.ts"

type Explanation = typeof Explained.Type

/** What a path answers; where another is asked meanwhile, that one counts. */
const useAsked = <A,>(
  path: string | undefined,
  schema: Schema.Codec<A, unknown>,
  wait: number
): { readonly found: A | undefined; readonly failure: string } => {
  const [state, set] = useState<{ found: A | undefined; failure: string }>({ found: undefined, failure: "" })
  useEffect(() => {
    if (path === undefined) return
    const stop = new AbortController()
    const timer = setTimeout(() => {
      void ask(path, schema, { signal: stop.signal }).then((asked) => {
        if (stop.signal.aborted) return
        set(asked._tag === "Answered" ? { found: asked.answer, failure: "" } : { found: undefined, failure: asked.why })
      })
    }, wait)
    return () => {
      clearTimeout(timer)
      stop.abort()
    }
  }, [path])
  return state
}

const Why = ({ explained }: { explained: Explanation }) => {
  const { because, entry, invalidation, state, tier } = explained
  return (
    <div class="why">
      <h3>{explained.key}</h3>
      <p>
        <span class="chip" data-state={state}>
          {state}
        </span>{" "}
        {tier === "none" ? "in no tier" : `in the ${tier === "near" ? "near cache" : "store"}`}. {because}
      </p>
      {entry !== null && (
        <dl class="rows">
          <div>
            <dt>Stored</dt>
            <dd>
              {clock(entry.createdAt)}, {bytes(entry.bytes)}
            </dd>
          </div>
          <div>
            <dt>Fresh until</dt>
            <dd>
              {day(entry.freshUntil)} ({duration(entry.freshUntil - entry.createdAt)})
            </dd>
          </div>
          <div>
            <dt>Depends on</dt>
            <dd class="tags">
              {entry.tags.map(({ reachedAt, tag }) => (
                <code key={tag} data-reached={reachedAt > entry.stamp}>
                  {tag}
                </code>
              ))}
            </dd>
          </div>
        </dl>
      )}
      {invalidation !== null && (
        <p>
          Invalidated by <code>{invalidation.tag}</code>
          {invalidation.cause === null ? "" : `: ${invalidation.cause}`}
        </p>
      )}
    </div>
  )
}

export const Entries = ({
  domain,
  domains,
  onDomain,
  onSelect
}: {
  domain: string
  domains: ReadonlyArray<string>
  onDomain: (domain: string) => void
  onSelect: (key: string) => void
}) => {
  const [search, setSearch] = useState("")
  const [asked, setAsked] = useState<{ readonly key: string; readonly times: number }>()
  const query = new URLSearchParams({ domain, limit: "60", ...(search === "" ? {} : { search }) })
  const { failure, found } = useAsked(`/live/entries?${query}`, Listed, 250)
  const why = useAsked(
    asked === undefined ? undefined : `/live/explain?${new URLSearchParams({ key: asked.key })}#${asked.times}`,
    Explained,
    0
  )
  return (
    <section class="panel entries" aria-labelledby="entries-title">
      <h2 id="entries-title">Entries</h2>
      <div class="fields">
        <label>
          Domain
          <select value={domain} onChange={(event) => onDomain(event.currentTarget.value)}>
            {domains.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
        <label>
          Key contains
          <input type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </label>
      </div>
      <p class="hint" role="status">
        {failure !== ""
          ? failure
          : found === undefined
            ? "Asking …"
            : `${number(found.total)} keys${found.total > found.keys.length ? `, the first ${found.keys.length} of them` : ""}`}
      </p>
      <div class="entries-columns">
        <ul class="keys" aria-label="Keys">
          {(found?.keys ?? []).map((key) => (
            <li key={key}>
              <button
                type="button"
                aria-pressed={asked?.key === key}
                onClick={() => {
                  setAsked({ key, times: (asked?.times ?? 0) + 1 })
                  onSelect(key)
                }}
              >
                {key}
              </button>
            </li>
          ))}
        </ul>
        <div aria-live="polite">
          {why.failure !== "" && <p>{why.failure}</p>}
          {why.found === undefined ? (
            <p class="hint">Choose a key to see why it counts.</p>
          ) : (
            <Why explained={why.found} />
          )}
        </div>
      </div>
    </section>
  )
}
