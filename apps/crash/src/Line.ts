/**
 * The line of a process under test to its coordinator.
 */
import { Context, Effect, Layer, Queue, Result, Schema } from "effect"
import { type FromWorker, ToWorker } from "./Messages.ts"

const decode = Schema.decodeUnknownResult(ToWorker)

export class Line extends Context.Service<
  Line,
  {
    /** Sends a message, and waits until it cannot be lost any more: it outlives the process. */
    readonly say: (message: FromWorker) => Effect.Effect<void>
    readonly orders: Queue.Dequeue<ToWorker>
  }
>()("crash/Line") {
  static readonly layer: Layer.Layer<Line> = Layer.effect(
    this,
    Effect.gen(function* () {
      const orders = yield* Queue.bounded<ToWorker>(16)
      const say = (message: FromWorker) =>
        Effect.callback<void>((resume) => {
          if (process.send === undefined) return resume(Effect.void)
          process.send(message, () => resume(Effect.void))
        })
      process.on("message", (message: unknown) => {
        const decoded = decode(message)
        if (Result.isSuccess(decoded)) Queue.offerUnsafe(orders, decoded.success)
        else process.send?.({ _tag: "Defect", text: decoded.failure.message } satisfies FromWorker)
      })
      // Without a coordinator there is nothing to do; it may have been killed.
      process.once("disconnect", () => process.exit())
      return Line.of({ say, orders })
    })
  )
}
