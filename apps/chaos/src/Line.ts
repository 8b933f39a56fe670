/**
 * The line of a process under test to its coordinator, and the source at the other end of it.
 */
import { Context, Effect, Layer, Queue, Result, Schema } from "effect"
import { FromWorker, ToWorker } from "./Messages.ts"
import { Source, SourceFailed } from "./Source.ts"

const decode = Schema.decodeUnknownResult(ToWorker)

/** What the coordinator tells a process, beside answers to its questions. */
export type Order = Exclude<ToWorker, { readonly _tag: "Answer" }>

export class Line extends Context.Service<
  Line,
  {
    /** Sends a message. Answers whether the coordinator keeps up. */
    readonly say: (message: FromWorker) => boolean
    readonly ask: (rows: ReadonlyArray<number>, isChange: boolean) => Effect.Effect<ReadonlyArray<number> | null>
    readonly orders: Queue.Dequeue<Order>
  }
>()("chaos/Line") {
  static readonly layer: Layer.Layer<Line> = Layer.effect(
    this,
    Effect.gen(function* () {
      const orders = yield* Queue.bounded<Order>(1_024)
      const waiting = new Map<number, (versions: ReadonlyArray<number> | null) => void>()
      const say = (message: FromWorker): boolean => process.send?.(message) ?? false
      let last = 0
      process.on("message", (message: unknown) => {
        const decoded = decode(message)
        if (Result.isFailure(decoded)) say({ _tag: "Defect", text: decoded.failure.message })
        else if (decoded.success._tag !== "Answer") Queue.offerUnsafe(orders, decoded.success)
        else waiting.get(decoded.success.id)?.(decoded.success.versions)
      })
      // Without a coordinator there is nothing to do; it may have been killed.
      process.once("disconnect", () => process.exit())
      return Line.of({
        say,
        orders,
        ask: (rows, isChange) =>
          Effect.callback((resume) => {
            const id = ++last
            waiting.set(id, (versions) => {
              waiting.delete(id)
              resume(Effect.succeed(versions))
            })
            say({ _tag: "Ask", id, rows, isChange })
            return Effect.sync(() => {
              waiting.delete(id)
              say({ _tag: "Forget", id })
            })
          })
      })
    })
  )
}

/** The source at the other end of the line. */
export const layerSource: Layer.Layer<Source, never, Line> = Layer.effect(
  Source,
  Line.use(({ ask }) =>
    Effect.succeed(
      Source.of({
        read: (rows) =>
          Effect.filterOrFail(
            ask(rows, false),
            (versions) => versions !== null,
            () => new SourceFailed({ rows })
          ),
        change: (rows) => Effect.map(ask(rows, true), (versions) => versions?.[0] ?? 0)
      })
    )
  )
)
