/**
 * A cache for the requests of a page, as web frameworks have it: each part of a page asks for what it shows, nobody passes
 * data along, and what is asked for in one request is of one moment.
 *
 * Frameworks memoise for the length of a request. Here the cache does: a second `get` is a hit of some hundred
 * nanoseconds. What a memo does not give is a page of one moment; `snapshot` does, and runs the page again where an
 * invalidation came in between.
 */
import { CacheManager, DependencyGraph, DomainCache, Lookup, Tag } from "@letletme/cache"
import { Context, Effect, Layer, Schema } from "effect"

/** The data, as an ORM would answer it. */
export class Source extends Context.Service<
  Source,
  {
    readonly author: (id: number) => Effect.Effect<{ readonly id: number; readonly name: string }>
    readonly posts: (author: number) => Effect.Effect<ReadonlyArray<string>>
  }
>()("blog/Source") {}

const graph = DependencyGraph.make({ author: [], posts: ["author"] })

export class Authors extends DomainCache.Service<Authors>()("blog/Authors", {
  graph,
  domain: "author",
  id: Schema.FiniteFromString,
  value: Schema.Struct({ id: Schema.Int, name: Schema.String }),
  timeToLive: "1 hour",
  lookup: (id) => Source.use((source) => Effect.map(source.author(id), (author) => Lookup.found(author)))
}) {}

export class Posts extends DomainCache.Service<Posts>()("blog/Posts", {
  graph,
  domain: "posts",
  id: Schema.FiniteFromString,
  value: Schema.Array(Schema.String),
  timeToLive: "1 hour",
  dependsOn: (_, author) => [Tag.of("author", `${author}`)],
  lookup: (author) => Source.use((source) => Effect.map(source.posts(author), (posts) => Lookup.found(posts)))
}) {}

const heading = (author: number) => Authors.use((authors) => Effect.map(authors.get(author), ({ name }) => name))
const byline = (author: number) => Authors.use((authors) => Effect.map(authors.get(author), ({ name }) => `by ${name}`))
const list = (author: number) => Posts.use((posts) => posts.get(author))

/** The page: three parts that know nothing of each other, read at one position of the invalidation log. */
export const page = Effect.fn("page")(function* (author: number) {
  const manager = yield* CacheManager
  return yield* manager.snapshot(
    Effect.all({ heading: heading(author), posts: list(author), byline: byline(author) }, { concurrency: "unbounded" })
  )
})

export const layer = Layer.mergeAll(Authors.layer, Posts.layer)
