/**
 * The page.
 */
import { useEffect, useState } from "preact/hooks"
import { Charts } from "./Charts.tsx"
import { Controls } from "./Controls.tsx"
import { Entries } from "./Entries.tsx"
import { Glance } from "./Glance.tsx"
import { Graph } from "./Graph.tsx"
import { Header } from "./Header.tsx"
import { Log } from "./Log.tsx"
import { follow, type State } from "./live.ts"
import { Season } from "./Season.tsx"
import { Work } from "./Work.tsx"

export const App = () => {
  const [state, setState] = useState<State>()
  const [domain, setDomain] = useState("team")
  const [selected, setSelected] = useState<string>()
  useEffect(() => follow(setState), [])

  const overview = state?.overviews.at(-1)
  if (state === undefined || overview === undefined) {
    return (
      <main class="waiting">
        <p role="status">
          {state?.connection === "lost" ? "The warmer does not answer. Trying again …" : "Connecting …"}
        </p>
      </main>
    )
  }
  return (
    <>
      <Header overview={overview} connection={state.connection} />
      <main>
        <Glance overview={overview} overviews={state.overviews} />
        <div class="wide">
          <Graph overviews={state.overviews} log={state.log} selected={domain} onSelect={setDomain} />
          <Season position={overview.log.position} />
          <Entries
            domains={overview.domains.map(({ name }) => name)}
            domain={domain}
            onDomain={setDomain}
            onSelect={setSelected}
          />
        </div>
        <div class="side">
          <Charts overviews={state.overviews} />
          <Work overview={overview} progress={state.progress} />
          <Controls selected={selected} />
          <Log log={state.log} />
        </div>
      </main>
    </>
  )
}
