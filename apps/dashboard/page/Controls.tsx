/**
 * What may be changed from here, behind the token of the admin API.
 */
import { useEffect, useState } from "preact/hooks"
import { begin, invalidate, type Said } from "./admin.ts"

export const Controls = ({ selected }: { selected: string | undefined }) => {
  const [token, setToken] = useState("")
  const [tag, setTag] = useState("")
  const [cascades, setCascades] = useState(true)
  const [said, setSaid] = useState<Said>()
  const [isBusy, setBusy] = useState(false)
  useEffect(() => {
    if (selected !== undefined) setTag(selected)
  }, [selected])

  const run = (ask: () => Promise<Said>) => () => {
    setBusy(true)
    void ask().then((answer) => {
      setSaid(answer)
      setBusy(false)
    })
  }
  const isReady = token !== "" && !isBusy
  return (
    <section class="panel controls" aria-labelledby="controls-title">
      <h2 id="controls-title">Do something</h2>
      <p class="hint">
        Start the warmer with <code>LETLETME_ADMIN_TOKEN</code> and state the same here. It stays in this page.
      </p>
      <form class="fields" onSubmit={(event) => event.preventDefault()}>
        <label>
          Token
          <input
            type="password"
            autocomplete="off"
            value={token}
            onInput={(event) => setToken(event.currentTarget.value)}
          />
        </label>
        <label>
          Tag
          <input
            type="text"
            spellcheck={false}
            placeholder="team:2030-31:7"
            value={tag}
            onInput={(event) => setTag(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={cascades} onInput={(event) => setCascades(event.currentTarget.checked)} />
          and what was made from it
        </label>
      </form>
      <div class="buttons">
        <button
          type="button"
          disabled={!isReady || tag === ""}
          onClick={run(() => invalidate(token, tag, cascades, true))}
        >
          What would it reach?
        </button>
        <button
          type="button"
          class="strong"
          disabled={!isReady || tag === ""}
          onClick={run(() => invalidate(token, tag, cascades, false))}
        >
          Invalidate
        </button>
        <button type="button" disabled={!isReady} onClick={run(() => begin(token, "verify"))}>
          Verify
        </button>
        <button type="button" disabled={!isReady} onClick={run(() => begin(token, "repair"))}>
          Repair
        </button>
      </div>
      <p class="said" role="status" data-refused={said?.isRefused === true}>
        {said?.text ?? ""}
      </p>
    </section>
  )
}
