/**
 * A domain of every partition: what it is asked goes to the partitions that the keys are of.
 */
import { Context, Effect, Option, Scope } from "effect"
import type { CacheError } from "../CacheError.ts"
import type { Edges } from "../DependencyGraph.ts"
import type { Definition, Domain, Replacement } from "../Domain.ts"
import type * as Lookup from "../Lookup.ts"
import type * as Tag from "../Tag.ts"
import * as Keys from "./Keys.ts"
import * as placing from "./placing.ts"
import { type Cell, Held, type Pool } from "./Pool.ts"

/** Opens a domain in every partition that is open, and in those that will be, for the life of the scope. */
export const open = Effect.fnUntraced(function* <
  Services,
  D extends string,
  Id,
  A,
  E,
  R,
  Name extends D,
  G extends Edges<D>
>(
  pool: Pool<Services>,
  places: placing.Placing,
  definition: Definition<D, Id, A, E, R, Name, G>
): Effect.fn.Return<Domain<Id, A, E>, never, R | Scope.Scope> {
  type Inner = Domain<Id, A, E | CacheError>
  const context = yield* Effect.context<R>()
  const { of: key, parse } = Keys.make(definition)
  const opened = new Map<Cell<Services>, { readonly domain: Inner; readonly scope: Scope.Closeable }>()

  /** A value may depend on what is in its own partition, and in no other. */
  const check = (partition: string, id: Id, value: A, tags: ReadonlyArray<Tag.Tag> = []) =>
    places.refuseStrays(
      [...tags, ...(definition.dependsOn?.(value, id) ?? []), ...(definition.listedUnder?.(value, id) ?? [])],
      partition
    )
  const checkAnswer = (partition: string, id: Id, answer: Lookup.Answer<A> | undefined) =>
    answer?._tag === "Found" ? check(partition, id, answer.value, answer.tags) : Effect.void

  const checkAll = (partition: string, replacements: ReadonlyArray<Replacement<Id, A>>) =>
    Effect.forEach(
      replacements,
      ({ id, value }) => (Option.isSome(value) ? check(partition, id, value.value) : Effect.void),
      { discard: true }
    )

  const checkedIn = (partition: string): Definition<D, Id, A, E | CacheError, R, Name, G> => {
    const { lookup, lookupMany, ...rest } = definition
    return lookupMany === undefined
      ? {
          ...rest,
          lookup: (id, previous) => Effect.tap(lookup(id, previous), (answer) => checkAnswer(partition, id, answer))
        }
      : {
          ...rest,
          lookupMany: (questions) =>
            Effect.tap(lookupMany(questions), (answers) =>
              Effect.forEach(questions, ({ id }, index) => checkAnswer(partition, id, answers[index]), {
                discard: true
              })
            )
        }
  }

  yield* Effect.addFinalizer((exit) =>
    Effect.forEach([...opened.values()], ({ scope }) => Scope.close(scope, exit), { discard: true })
  )
  yield* pool.join({
    openIn: Effect.fnUntraced(function* (cell) {
      const scope = yield* Scope.fork(cell.scope)
      yield* Scope.addFinalizer(
        scope,
        Effect.sync(() => opened.delete(cell))
      )
      // Its lookups are in this partition, and belong to the span of nobody who happened to come first.
      const inside = context.pipe(
        Context.add(placing.Current, cell.partition),
        Context.add(Held, cell),
        Context.add(Scope.Scope, scope)
      )
      const domain = yield* cell.manager
        .open(checkedIn(cell.partition))
        .pipe(Effect.updateContext<never, R | Scope.Scope>(() => inside))
      opened.set(cell, { domain, scope })
    })
  })

  const domainOf = (cell: Cell<Services>): Effect.Effect<Inner> => {
    const here = opened.get(cell)
    return here === undefined
      ? Effect.die(`The domain ${definition.domain} is not open in ${cell.partition}`)
      : Effect.succeed(here.domain)
  }
  const inPartition = <B, E2, R2>(partition: string, use: (domain: Inner) => Effect.Effect<B, E2, R2>) =>
    pool.use(partition, (cell) => Effect.flatMap(domainOf(cell), use))

  const one = <B, E2, R2>(id: Id, use: (domain: Inner, partition: string) => Effect.Effect<B, E2, R2>) =>
    Effect.flatMap(places.one([key(id)]), (partition) => inPartition(partition, (domain) => use(domain, partition)))

  const parts = <I, B, E2>(
    items: ReadonlyArray<I>,
    idOf: (item: I) => Id,
    use: (domain: Inner, items: ReadonlyArray<I>, partition: string) => Effect.Effect<ReadonlyArray<B>, E2>
  ) =>
    Effect.gen(function* () {
      const groups = yield* places.apart(items, (item) => key(idOf(item)))
      const done = yield* pool.useEach(groups, (cell, group) =>
        Effect.map(
          Effect.flatMap(domainOf(cell), (domain) => use(domain, group.items, cell.partition)),
          (answers) => answers.map((answer, index) => [group.indices[index] ?? items.length, answer] as const)
        )
      )
      return [...done.values()]
        .flat()
        .toSorted(([one], [other]) => one - other)
        .map(([, answer]) => answer)
    })

  const self = (id: Id) => id
  return {
    key,
    parse,
    get: (id, options) => one(id, (domain) => domain.get(id, options)),
    getOrLoad: (id, load, options) =>
      one(id, (domain, partition) => {
        const checked = Effect.tap(load, (answer) => checkAnswer(partition, id, answer))
        return domain.getOrLoad(id, checked, options)
      }),
    find: (id, options) => one(id, (domain) => domain.find(id, options)),
    getMany: (ids, options) => parts(ids, self, (domain, some) => domain.getMany(some, options)),
    peek: (id, options) => one(id, (domain) => domain.peek(id, options)),
    refresh: (ids) => parts(ids, self, (domain, some) => domain.refresh(some)),
    put: (id, value, options) =>
      one(id, (domain, partition) => Effect.andThen(check(partition, id, value), domain.put(id, value, options))),
    update: (id, value, options) =>
      one(id, (domain, partition) => Effect.andThen(check(partition, id, value), domain.update(id, value, options))),
    updateMany: (replacements, options) =>
      parts(
        replacements,
        ({ id }) => id,
        (domain, some, partition) => Effect.andThen(checkAll(partition, some), domain.updateMany(some, options))
      ),
    changes: (replacements, options) =>
      parts(
        replacements,
        ({ id }) => id,
        (domain, some, partition) => Effect.andThen(checkAll(partition, some), domain.changes(some, options))
      ),
    confirmations: (known, reachedBy, options) =>
      parts(
        known,
        ({ id }) => id,
        (domain, some) => domain.confirmations(some, reachedBy, options)
      ),
    invalidate: (ids, options) =>
      Effect.flatMap(places.one(ids.map(key), `Invalidating nothing of ${definition.domain}`), (partition) =>
        inPartition(partition, (domain) => domain.invalidate(ids, options))
      ),
    touch: (id, timeToLive) => one(id, (domain) => domain.touch(id, timeToLive)),
    inspect: (ids) => parts(ids, self, (domain, some) => domain.inspect(some)),
    warm: (ids) => parts(ids, self, (domain, some) => domain.warm(some)),
    explain: (id) => one(id, (domain) => domain.explain(id))
  }
})
