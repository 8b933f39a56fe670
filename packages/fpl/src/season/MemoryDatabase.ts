/**
 * The database in the process's memory: for tests, demos and the embedded default. Nothing outlives the process.
 */
import { Outbox, type OutboxError, type Position, TraceContext } from "@letletme/cache"
import { Context, Effect, Latch, Layer, Option, Semaphore } from "effect"
import { randomUUID } from "node:crypto"
import type { Deductions } from "../standing/Standing.ts"
import { Database } from "./Database.ts"
import type { Repository, Stored } from "./Repository.ts"
import type { Season, SeasonId } from "./Season.ts"
import { type Publication, SeasonRepository } from "./SeasonRepository.ts"
import { domains, type Repositories } from "./SeasonRevision.ts"

/** The database, its outbox and its repositories. */
export type SeasonStore = Database | Outbox | SeasonRepository | Repositories

type Rows<A> = ReadonlyMap<string, Stored<A>>
type Pending = Effect.Success<ReturnType<Outbox["Service"]["pending"]>>

/** Never changed, always replaced: a transaction that fails has changed nothing. */
interface State {
  /** By table, its rows. */
  readonly tables: Context.Context<never>
  readonly current: Option.Option<Season>
  readonly publications: ReadonlyMap<Season, Publication>
  readonly deductions: ReadonlyMap<Season, Deductions>
  readonly locks: number
  readonly pending: Pending
  /** Of the last announcement that was delivered. */
  readonly position: Position.Position
}

const empty: State = {
  tables: Context.empty(),
  current: Option.none(),
  publications: new Map(),
  deductions: new Map(),
  locks: 0,
  pending: [],
  position: 0
}

const keyOf = ({ id, season }: SeasonId) => `${season}:${id}`
const bySeasonAndId = (a: SeasonId, b: SeasonId) => (a.season === b.season ? a.id - b.id : a.season < b.season ? -1 : 1)

const make = Effect.gen(function* () {
  const single = yield* Semaphore.make(1)
  const bell = yield* Latch.make(false)
  const committed = { state: empty }
  // What the fiber reads and writes while it is in a transaction of this very database.
  const Transaction = Context.Reference<{ state: State } | undefined>(`@letletme/fpl/Transaction/${randomUUID()}`, {
    defaultValue: () => undefined
  })

  const transaction = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.flatMap(Transaction, (outer) => {
      const into = outer ?? committed
      const attempt = Effect.suspend(() => {
        const own = { state: into.state }
        return Effect.tap(Effect.provideService(effect, Transaction, own), () =>
          Effect.sync(() => {
            into.state = own.state
          })
        )
      })
      return outer !== undefined
        ? attempt
        : Effect.tap(single.withPermit(attempt), () => (committed.state.pending.length > 0 ? bell.open : Effect.void))
    })

  const read = <A>(of: (state: State) => A): Effect.Effect<A> =>
    Effect.map(Transaction, (own) => of((own ?? committed).state))
  /** Outside a transaction a write is one by itself. */
  const modify = <A>(change: (state: State) => readonly [A, State]): Effect.Effect<A> =>
    transaction(
      Effect.map(Transaction, (own) => {
        const cell = own ?? committed
        const [answer, state] = change(cell.state)
        cell.state = state
        return answer
      })
    )
  const write = (change: (state: State) => Partial<State>): Effect.Effect<void> =>
    modify((state) => [undefined, { ...state, ...change(state) }])

  const repository = <A extends SeasonId>(name: string): Repository<A> => {
    const Table = Context.Reference<Rows<A>>(`@letletme/fpl/Table/${name}`, { defaultValue: () => new Map() })
    const rowsOf = ({ tables }: State) => Context.get(tables, Table)
    const put = ({ tables }: State, rows: Rows<A>) => ({ tables: Context.add(tables, Table, rows) })
    return {
      byIds: (ids) => read((state) => ids.map((id) => Option.fromUndefinedOr(rowsOf(state).get(keyOf(id))))),
      ofSeason: (season) =>
        read((state) =>
          [...rowsOf(state).values()]
            .filter(({ value }) => value.season === season)
            .toSorted((a, b) => a.value.id - b.value.id)
        ),
      naming: (fields, owners) => {
        const wanted = new Set(owners.map(keyOf))
        const isWanted = (season: Season, owner: unknown): boolean =>
          typeof owner === "number" && wanted.has(keyOf({ season, id: owner }))
        return read((state) =>
          [...rowsOf(state).values()]
            .map(({ value }) => value)
            .filter((value) =>
              fields.some((field) => {
                const owner: unknown = value[field]
                return Array.isArray(owner)
                  ? owner.some((one) => isWanted(value.season, one))
                  : isWanted(value.season, owner)
              })
            )
            .toSorted(bySeasonAndId)
        )
      },
      save: (rows) =>
        write((state) =>
          put(state, new Map([...rowsOf(state), ...rows.map((row) => [keyOf(row.value), row] as const)]))
        ),
      remove: (ids) =>
        write((state) => {
          const gone = new Set(ids.map(keyOf))
          return put(state, new Map([...rowsOf(state)].filter(([key]) => !gone.has(key))))
        })
    }
  }

  const outbox: Outbox["Service"] = {
    put: (announcement) =>
      Effect.flatMap(TraceContext.current, (trace) => {
        const id = randomUUID()
        return modify((state) => [id, { ...state, pending: [...state.pending, { id, ...announcement, trace }] }])
      }),
    pending: (limit) => read(({ pending }) => pending.slice(0, limit)),
    delivered: (ids, position): Effect.Effect<void, OutboxError> =>
      write((state) => {
        const done = new Set(ids)
        const pending = state.pending.filter(({ id }) => !done.has(id))
        return pending.length === state.pending.length ? {} : { pending, position: Math.max(state.position, position) }
      }),
    awaken: Effect.andThen(bell.await, bell.close)
  }

  return Layer.mergeAll(
    Layer.succeed(Outbox, outbox),
    Layer.succeed(
      Database,
      Database.of({
        transaction,
        reading: (effect) =>
          Effect.flatMap(Transaction, (outer) => {
            const { state } = outer ?? committed
            const { pending, position } = state
            return Effect.map(Effect.provideService(effect, Transaction, { state }), (value) => ({
              value,
              isPending: pending.length > 0,
              position
            }))
          })
      })
    ),
    Layer.succeed(
      SeasonRepository,
      SeasonRepository.of({
        current: read(({ current }) => current),
        makeCurrent: (season) => write(() => ({ current: Option.some(season) })),
        publication: (season) => read(({ publications }) => Option.fromUndefinedOr(publications.get(season))),
        publish: (publication) =>
          write(({ publications }) => ({
            publications: new Map([...publications, [publication.season, publication]])
          })),
        deductions: (season) => read(({ deductions }) => deductions.get(season) ?? {}),
        deduct: (season, points) =>
          write(({ deductions }) => ({ deductions: new Map([...deductions, [season, points]]) })),
        // Transactions run one after another as it is.
        lock: () => modify((state) => [state.locks + 1, { ...state, locks: state.locks + 1 }])
      })
    ),
    domains.repositories(repository)
  )
})

/**
 * The database in memory. Its transactions are real: one at a time, all or nothing.
 *
 * @example
 * ```ts
 * import { Database, MemoryDatabase, TeamRepository } from "@letletme/fpl"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const database = yield* Database
 *   const teams = yield* TeamRepository
 *   yield* database.transaction(teams.remove([{ season: "2030-31", id: 3 }]))
 * }).pipe(Effect.provide(MemoryDatabase.layer))
 * ```
 */
export const layer: Layer.Layer<SeasonStore> = Layer.unwrap(make)
