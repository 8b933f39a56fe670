/**
 * What the warmer tells, as the page holds it: connected, and connected again, until the page is closed.
 */
import { LogEntry } from "@letletme/warmer/live/LogEntry"
import { Overview, Progress } from "@letletme/warmer/live/Overview"
import { Option, Schema } from "effect"

/** What the page knows. */
export interface State {
  /** Whether the warmer is heard. */
  readonly connection: "connecting" | "open" | "lost"
  /** The latest last; five minutes of them. */
  readonly overviews: ReadonlyArray<Overview>
  /** The latest first. */
  readonly log: ReadonlyArray<LogEntry>
  readonly progress: Readonly<Record<Progress["what"], Progress | undefined>>
}

const nothing: State = {
  connection: "connecting",
  overviews: [],
  log: [],
  progress: { warm: undefined, verify: undefined }
}

const keptOverviews = 300
const keptEntries = 200

/** Follows the warmer's events. Answers how to stop. */
export const follow = (onChange: (state: State) => void): (() => void) => {
  let state = nothing
  const set = (change: Partial<State>) => {
    state = { ...state, ...change }
    onChange(state)
  }
  // The browser connects again by itself, and says which entry of the log it had last.
  const source = new EventSource("/live/events")
  source.addEventListener("open", () => set({ connection: "open" }))
  source.addEventListener("error", () => set({ connection: "lost" }))
  /** Listens for one kind of events; what does not look like one is passed over. */
  const on = <A>(kind: string, schema: Schema.Codec<A, unknown>, take: (data: A) => void) => {
    const decode = Schema.decodeUnknownOption(Schema.fromJsonString(schema))
    source.addEventListener(kind, (event) => {
      const decoded = decode(event.data)
      if (Option.isSome(decoded)) take(decoded.value)
    })
  }
  on("overview", Overview, (overview) => {
    const isSame = state.overviews.at(-1)?.startedAt === overview.startedAt
    // One that was started again counts from the beginning, and so does its log where it is in memory.
    const log = isSame ? state.log : state.log.filter(({ position }) => position <= overview.log.highest)
    set({ connection: "open", overviews: [...(isSame ? state.overviews : []), overview].slice(-keptOverviews), log })
  })
  on("progress", Progress, (progress) => {
    set({ progress: { ...state.progress, [progress.what]: progress } })
  })
  on("log", LogEntry, (entry) => {
    if (state.log.some(({ position }) => position === entry.position)) return
    set({ log: [entry, ...state.log].slice(0, keptEntries) })
  })
  return () => source.close()
}
