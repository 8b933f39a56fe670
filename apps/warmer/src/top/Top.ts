/**
 * `top`: a running warmer at a glance, as plain text once, or live in a terminal.
 */
import { Console, Effect, Queue, Ref, Schedule, Stream, Terminal } from "effect"
import { TerminalCapabilities } from "effect/cli"
import { FetchHttpClient } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { type LiveEvent, LiveApi } from "../live/LiveApi.ts"
import { answer, Failed } from "../Output.ts"
import * as Screen from "./Screen.ts"

// A warmer tells something every second.
const patience = "5 seconds"
const again = "1 second"

// More than a screen has lines.
const mostLogged = 200

const restored = "\u001b[?25h\u001b[?1049l"
const taken = "\u001b[?1049h\u001b[?25l"

const clientOf = (baseUrl: string) =>
  HttpApiClient.make(LiveApi, { baseUrl }).pipe(Effect.provide(FetchHttpClient.layer))

type Client = Effect.Success<ReturnType<typeof clientOf>>

/** The state after an event. */
const after = (state: Screen.State, event: LiveEvent): Screen.State => {
  switch (event.event) {
    case "overview":
      return { ...state, before: state.now, now: event.data, trouble: "" }
    case "log":
      return { ...state, log: [...state.log, event.data].slice(-mostLogged) }
    case "progress": {
      const { done, stage, total, what } = event.data
      return { ...state, progress: total === 0 ? "" : `${what}: ${done} of ${total} entries, at ${stage}` }
    }
  }
}

/** Follows the events for as long as it is wanted, and asks again when they end: what came meanwhile is told then. */
const follow = (client: Client, state: Ref.Ref<Screen.State>) => {
  const once = Effect.gen(function* () {
    const { log } = yield* Ref.get(state)
    const last = log.at(-1)
    const events = yield* client.events({ headers: last === undefined ? {} : { "last-event-id": `${last.position}` } })
    yield* Stream.runForEach(
      Stream.timeoutOrElse(events, { duration: patience, orElse: () => Stream.empty }),
      (event) => Ref.update(state, (before) => after(before, event))
    )
    return "It answers no more"
  }).pipe(
    Effect.catch((error) =>
      Effect.succeed(error._tag === "Retry" ? "It asks to be asked again" : `It does not answer: ${error.message}`)
    )
  )
  return once.pipe(
    Effect.flatMap((trouble) =>
      Ref.update(state, (before) => ({
        ...before,
        trouble: `${trouble}. What is shown is of ${new Date(before.now.at).toISOString()}.`
      }))
    ),
    Effect.repeat(Schedule.spaced(again))
  )
}

/** Ends with `q` or Escape; Ctrl-C, which a terminal in raw mode does not turn into a signal, interrupts. */
const keys = Effect.gen(function* () {
  const input = yield* (yield* Terminal.Terminal).readInput
  while (true) {
    const { key } = yield* Queue.take(input)
    if (key.ctrl && key.name === "c") return yield* Effect.interrupt
    if (key.name === "q" || key.name === "escape") return
  }
}).pipe(
  // Nobody types any more.
  Effect.catch(() => Effect.never),
  Effect.scoped
)

/** Draws whatever the state is, often and after each change of the size, until a key ends it. */
const watch = Effect.fnUntraced(function* (client: Client, first: Screen.State) {
  const terminal = yield* Terminal.Terminal
  const { canColor, canPrompt } = yield* TerminalCapabilities.TerminalCapabilities
  const state = yield* Ref.make(first)
  yield* Effect.acquireRelease(terminal.display(taken), () => Effect.ignore(terminal.display(restored)))
  const draw = Effect.gen(function* () {
    // A terminal that does not know its size has none.
    const columns = (yield* terminal.columns) || 80
    const rows = (yield* terminal.rows) || 24
    const lines = Screen.lines(yield* Ref.get(state), { columns, rows, canColor })
    yield* terminal.display(`\u001b[H${lines.map((line) => `${line}\u001b[K`).join("\r\n")}\u001b[J`)
  })
  const sizes = yield* terminal.size
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(sizes), draw)))
  yield* Effect.forkScoped(follow(client, state))
  yield* Effect.raceFirst(Effect.repeat(draw, Schedule.spaced("250 millis")), canPrompt ? keys : Effect.never)
}, Effect.scoped)

/** Shows the warmer at an address: once, where the output is no terminal or JSON is wanted. */
export const top = Effect.fn("top")(function* (at: string, json: boolean) {
  const client = yield* clientOf(at)
  const now = yield* client.overview().pipe(
    Effect.timeout(patience),
    Effect.mapError(
      ({ message }) =>
        new Failed({
          message: `No warmer answers at ${at} (${message}): start one with \`run\`, or name another with --at.`
        })
    )
  )
  const first: Screen.State = { now, before: undefined, log: [], progress: "", trouble: "" }
  const { canAnimate } = yield* TerminalCapabilities.TerminalCapabilities
  if (canAnimate && !json) return yield* watch(client, first)
  const plain = { columns: 80, rows: Number.POSITIVE_INFINITY, canColor: false }
  return yield* json ? answer(true, now, () => "") : Console.log(Screen.lines(first, plain).join("\n"))
})
