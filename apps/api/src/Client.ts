/**
 * The typed client of the read API.
 */
import type { Effect } from "effect"
import type { HttpClient } from "effect/http"
import { HttpApiClient } from "effect/http-api"
import { Api } from "./Api.ts"

/** A client: a group for each kind of thing, a method for each address. */
export type Client = HttpApiClient.ForApi<typeof Api>

/**
 * Makes a client of the API at an address. Answers come decoded, with their headers; what does not exist fails with
 * `Absent`, what cannot be told just now with `Unavailable`, and what `if-none-match` names with `NotModified`.
 *
 * @example
 * ```ts
 * import { Effect } from "effect"
 * import { FetchHttpClient } from "effect/http"
 * import { make } from "@letletme/api/Client"
 *
 * const leader = Effect.gen(function* () {
 *   const client = yield* make("http://127.0.0.1:8788")
 *   const { body } = yield* client.table.overall({ query: {}, headers: {} })
 *   return body.data.rows[0]?.name
 * }).pipe(Effect.provide(FetchHttpClient.layer))
 * ```
 */
export const make = (baseUrl: string): Effect.Effect<Client, never, HttpClient.HttpClient> =>
  HttpApiClient.make(Api, { baseUrl })
