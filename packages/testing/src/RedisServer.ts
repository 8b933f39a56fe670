/**
 * A real redis-server for the life of a layer.
 */
import { Context, Effect, Layer } from "effect"
import * as RedisProcess from "./RedisProcess.ts"

export { RedisServerError } from "./RedisProcess.ts"

/** What a server of these tests is started with: nothing is kept, and tests may ask it for anything. */
export const bare = ({ folder, port }: RedisProcess.Place): ReadonlyArray<string> => {
  const files = ["--dir", folder, "--save", "", "--appendonly", "no"]
  return ["--port", `${port}`, "--bind", "127.0.0.1", ...files, "--enable-debug-command", "yes"]
}

/**
 * A redis-server that tests may mistreat.
 */
export class RedisServer extends Context.Service<
  RedisServer,
  RedisProcess.RedisProcess & { readonly host: string; readonly url: string }
>()("@letletme/testing/RedisServer") {
  /** A server without persistence. */
  static readonly layer = Layer.suspend(() => RedisServer.layerWith({}))

  /** A server with further arguments of redis-server's. */
  static readonly layerWith = (options: { readonly args?: ReadonlyArray<string> }) =>
    Layer.effect(
      this,
      Effect.map(
        RedisProcess.make((place) => Effect.succeed([...bare(place), ...(options.args ?? [])])),
        (process) => RedisServer.of({ ...process, host: "127.0.0.1", url: `redis://127.0.0.1:${process.port}` })
      )
    )
}
