/**
 * Effect's `RequestResolver` over a domain cache: requests of one tick are one `getMany`, and so at most one lookup.
 */
import { Effect, Exit, Option, type Request, RequestResolver } from "effect"
import { Absent, CacheError } from "./CacheError.ts"
import type { Domain, ReadOptions } from "./Domain.ts"

/** A request that a domain answers. */
export type DomainRequest<Id, A, E = never> = Request.Request<A, E | CacheError> & { readonly id: Id }

/**
 * A resolver that answers from a domain. Use it instead of `RequestResolver.withCache`, whose results no invalidation
 * reaches. A request for what does not exist fails with the reason `Absent`; where a lookup fails, all that were asked with it do.
 *
 * @example
 * ```ts
 * import { Effect, Request, Schema } from "effect"
 * import { type CacheError, DependencyGraph, DomainCache, Lookup } from "@letletme/cache"
 * import * as DomainResolver from "@letletme/cache/DomainResolver"
 *
 * class TeamNames extends DomainCache.Service<TeamNames>()("app/TeamNames", {
 *   graph: DependencyGraph.make({ team: [] }),
 *   domain: "team",
 *   id: Schema.FiniteFromString,
 *   value: Schema.String,
 *   timeToLive: "metadata",
 *   lookupMany: (questions) => Effect.succeed(questions.map(({ id }) => Lookup.found(`Team ${id}`)))
 * }) {}
 *
 * class GetName extends Request.Class<{ readonly id: number }, string, CacheError> {}
 *
 * const program = Effect.gen(function* () {
 *   const resolver = DomainResolver.make(yield* TeamNames)
 *   const name = (id: number) => Effect.request(new GetName({ id }), resolver)
 *   return yield* Effect.forEach([1, 2, 3], name, { concurrency: "unbounded" }) // one lookup
 * })
 * ```
 */
export const make = <Id, A, E>(
  domain: Pick<Domain<Id, A, E>, "getMany" | "key">,
  options?: ReadOptions
): RequestResolver.RequestResolver<DomainRequest<Id, A, E>> =>
  RequestResolver.make((entries) =>
    Effect.map(
      domain.getMany(
        entries.map(({ request }) => request.id),
        options
      ),
      (found) => {
        for (const [index, entry] of entries.entries()) {
          const value = found[index] ?? Option.none()
          entry.completeUnsafe(
            Option.isSome(value)
              ? Exit.succeed(value.value)
              : Exit.fail(new CacheError({ reason: new Absent({ key: domain.key(entry.request.id) }) }))
          )
        }
      }
    )
  )
