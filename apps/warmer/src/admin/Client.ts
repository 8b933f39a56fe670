/**
 * A typed client of a warmer's admin API.
 */
import { Effect, type Redacted } from "effect"
import { HttpApiClient } from "effect/http-api"
import { AdminApi } from "./AdminApi.ts"
import { layerClient } from "./Authorization.ts"

/**
 * The client of the warmer at an address.
 *
 * @example
 * ```ts
 * import * as Client from "@letletme/warmer/admin/Client"
 * import { Tag } from "@letletme/cache"
 * import { Effect, Redacted } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const client = yield* Client.make("http://localhost:8787", Redacted.make("…"))
 *   return yield* client.invalidate({ payload: { tags: [Tag.of("team", "2030-31:7")], dryRun: true } })
 * })
 * ```
 */
export const make = (baseUrl: string, token: Redacted.Redacted) =>
  HttpApiClient.make(AdminApi, { baseUrl }).pipe(Effect.provide(layerClient(token)))
