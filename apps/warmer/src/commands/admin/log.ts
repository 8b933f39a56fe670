/**
 * `admin log`: the invalidation log, as far as it is kept, and as it grows.
 */
import type { Position } from "@letletme/cache"
import { Console, Effect, Option, Schedule, Stream } from "effect"
import type { LogEvent } from "../../admin/LogTail.ts"
import { AdminError, calling, explained, inTime, type Options, plain, whileHeard } from "./call.ts"

const shown = 4

const line = ({ data, event }: LogEvent): string => {
  switch (event) {
    case "entry": {
      const more = data.tags.length > shown ? ` … ${data.tags.length - shown} more` : ""
      return plain(
        `${data.position}  ${data.cause} (${data.by})  ${data.tags.slice(0, shown).join(" ")}${more}`
      ).trimEnd()
    }
    case "gap":
      return `${data.from} to ${data.to} are not kept any more`
    case "ping":
      return ""
  }
}

// One that restarts is waited for so long.
const reconnecting = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("5 seconds")]).pipe(
  Schedule.upTo({ duration: "2 minutes" })
)

/**
 * Prints the log after a position, and with `follow` goes on. A connection that is lost is made anew, and what was
 * missed comes first.
 */
export const log = Effect.fn("admin.log")(function* (
  options: Options & { readonly follow: boolean },
  from: Option.Option<Position.Position>
) {
  let known = Option.getOrUndefined(from)
  let isConnected = false
  const { follow, json, url } = options
  const lost = new AdminError({ because: "unreachable", message: `The connection to ${url.origin} was lost.` })
  const print = (event: LogEvent) => Console.log(json ? JSON.stringify(event) : line(event))

  yield* calling(options, (client) => {
    const connection = Stream.unwrap(
      Effect.suspend(() => {
        const at = known === undefined ? {} : { "last-event-id": known }
        return Effect.map(inTime(options, client.log({ query: {}, headers: at })), (events) =>
          Stream.concat(whileHeard(options)(events), Stream.fail(lost))
        )
      })
    )
    const isOver = (event: LogEvent) => !follow && event.event === "ping"
    return connection.pipe(
      Stream.mapError(explained(url)),
      Stream.tap(({ id }) =>
        Effect.sync(() => {
          isConnected = true
          known = Number(id)
        })
      ),
      Stream.tapError((error) =>
        isConnected ? Effect.logWarning(`${error.message} It is asked again.`) : Effect.void
      ),
      Stream.retry(($) => Schedule.while($(reconnecting), () => isConnected)),
      Stream.takeUntil(isOver),
      Stream.filter(({ event }) => event !== "ping"),
      Stream.runForEach(print)
    )
  })
})
