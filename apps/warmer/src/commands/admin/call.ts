/**
 * How commands call a warmer's admin API.
 */
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import { ExitCode } from "@letletme/command"
import { Effect, Option, Runtime, Schema, Stream } from "effect"
import { HttpClientError } from "effect/http"
import * as Client from "../../admin/Client.ts"
import * as Token from "../../admin/Token.ts"
import { SettingError } from "../../Settings.ts"

/** What all of these commands are told. */
export interface Options {
  readonly url: URL
  readonly json: boolean
}

/** The warmer refused, or does not answer: the exit code tells which. */
export class AdminError extends Schema.TaggedError<AdminError>()("AdminError", {
  message: Schema.String,
  because: Schema.Literals(["refused", "unreachable", "failed"])
}) {
  override readonly [Runtime.errorExitCode] = ExitCode[this.because]
}

// How long a warmer may say nothing: while somebody follows, it says something every 15 seconds.
const patience = "1 minute"

const Problem = Schema.Struct({
  status: Schema.Int,
  title: Schema.String,
  detail: Schema.optionalKey(Schema.String),
  errors: Schema.optionalKey(
    Schema.Array(
      Schema.Struct({
        path: Schema.Array(Schema.Union([Schema.String, Schema.Finite])),
        message: Schema.String
      })
    )
  )
})
const isProblem = Schema.is(Problem)

/** What went wrong, in words for whoever typed the command. */
export const explained =
  (url: URL) =>
  (error: unknown): AdminError => {
    if (error instanceof AdminError) return error
    if (isProblem(error)) {
      const fields = (error.errors ?? []).map(({ message, path }) => `${path.join(".")}: ${message}`)
      const message = [`${error.title}: ${error.detail ?? "no detail"}`, ...fields].join("\n")
      return new AdminError({ because: "refused", message })
    }
    if (HttpClientError.isHttpClientError(error) && error.reason._tag === "TransportError") {
      const message = `No warmer answers at ${url.origin}: start one with ${Token.variable} set, or name its address with --url.`
      return new AdminError({ because: "unreachable", message })
    }
    const said = error instanceof Error ? error.message : String(error)
    const message = `What answers at ${url.origin} is no warmer of this version: ${said}`
    return new AdminError({ because: "failed", message })
  }

/** A client of the warmer. */
export type AdminClient = Effect.Success<ReturnType<typeof Client.make>>

/** Calls the warmer. One that says nothing for a minute does not answer. */
export const calling = Effect.fnUntraced(function* <A, E>(
  { url }: Options,
  call: (client: AdminClient) => Effect.Effect<A, E>
) {
  const token = yield* Token.fromEnvironment
  if (Option.isNone(token)) {
    return yield* new SettingError({ message: `${Token.variable}: state the token that the warmer was started with.` })
  }
  const client = yield* Client.make(url.origin, token.value)
  return yield* Effect.mapError(call(client), explained(url))
}, Effect.provide(NodeHttpClient.layerUndici))

/** The same for what is answered at once. */
export const asking = <A, E>(options: Options, call: (client: AdminClient) => Effect.Effect<A, E>) =>
  calling(options, (client) => inTime(options, call(client)))

/** Nothing was heard for too long. */
const silent = ({ url }: Options) =>
  new AdminError({ because: "unreachable", message: `The warmer at ${url.origin} said nothing for ${patience}.` })

/** Ends a call that nobody answers. */
export const inTime = <A, E>(options: Options, effect: Effect.Effect<A, E>) =>
  Effect.timeoutOrElse(effect, { duration: patience, orElse: () => Effect.fail(silent(options)) })

/** Ends a stream whose other side is gone without a word. */
export const whileHeard =
  (options: Options) =>
  <A, E>(stream: Stream.Stream<A, E>): Stream.Stream<A, E | AdminError> =>
    Stream.timeoutOrElse(stream, { duration: patience, orElse: () => Stream.fail(silent(options)) })

/** Text from afar without what steers a terminal. */
export const plain = (text: string): string => text.replaceAll(/[\p{Cc}\p{Cf}]/gu, "?")
