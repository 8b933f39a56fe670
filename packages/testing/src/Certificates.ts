/**
 * Certificates for tests, made with openssl and gone with the scope.
 */
import { Effect, Schema } from "effect"
import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** openssl could not be run, or refused. */
export class CertificateError extends Schema.TaggedError<CertificateError>()("CertificateError", {
  message: Schema.String
}) {}

/** A certificate and its key: as files for a server, as text for a client. */
export interface Certificate {
  readonly certFile: string
  readonly keyFile: string
  readonly cert: string
  readonly key: string
}

const newKey = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(" ")

/** A certificate authority of its own. */
export const authority = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => mkdtemp(join(tmpdir(), "certificates-"))),
    (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
  )
  const openssl = (args: ReadonlyArray<string>) =>
    Effect.callback<void, CertificateError>((resume) => {
      execFile("openssl", args, { cwd: folder }, (error, _, stderr) =>
        resume(
          error === null ? Effect.void : Effect.fail(new CertificateError({ message: `${error.message} ${stderr}` }))
        )
      )
    })
  const read = (name: string) => Effect.promise(() => readFile(join(folder, name), "utf8"))

  yield* openssl([
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-subj",
    "/CN=test-ca",
    "-days",
    "1"
  ])

  /** Signs a certificate for a host; negative days make one that has expired. */
  const issue = Effect.fnUntraced(function* (name: string, host: string, days: number) {
    const subject = ["-subj", `/CN=${host}`]
    yield* openssl(["req", "-new", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, ...subject])
    yield* Effect.promise(() => writeFile(join(folder, `${name}.ext`), `subjectAltName=DNS:${host}`))
    const signed = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", `${name}.ext`]
    yield* openssl(["x509", "-req", "-in", `${name}.csr`, ...signed, "-days", `${days}`, "-out", `${name}.pem`])
    return {
      certFile: join(folder, `${name}.pem`),
      keyFile: join(folder, `${name}.key`),
      cert: yield* read(`${name}.pem`),
      key: yield* read(`${name}.key`)
    } satisfies Certificate
  })

  return { caFile: join(folder, "ca.pem"), ca: yield* read("ca.pem"), issue }
})
