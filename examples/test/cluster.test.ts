import { assert, describe, it } from "@effect/vitest"
import { RedisConfig } from "@letletme/redis"
import { ConfigProvider, Effect, Schema } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "yaml"

const Texts = Schema.Record(Schema.String, Schema.String)

const Service = Schema.Struct({
  image: Schema.NonEmptyString,
  command: Schema.optionalKey(Schema.String),
  environment: Schema.optionalKey(Texts),
  volumes: Schema.optionalKey(Schema.Array(Schema.String)),
  depends_on: Schema.optionalKey(
    Schema.Record(
      Schema.String,
      Schema.Struct({ condition: Schema.Literals(["service_healthy", "service_completed_successfully"]) })
    )
  ),
  healthcheck: Schema.optionalKey(
    Schema.Struct({
      test: Schema.Array(Schema.String),
      interval: Schema.String,
      timeout: Schema.String,
      retries: Schema.Int
    })
  ),
  stop_grace_period: Schema.optionalKey(Schema.String),
  deploy: Schema.optionalKey(Schema.Struct({ resources: Schema.Struct({ limits: Texts }) })),
  restart: Schema.optionalKey(Schema.Literal("unless-stopped"))
})

const Compose = Schema.Struct({
  name: Schema.String,
  services: Schema.Record(Schema.String, Service),
  volumes: Schema.Record(Schema.String, Schema.NullOr(Schema.Unknown)),
  "x-redis": Schema.Unknown,
  "x-app": Schema.Unknown
})

const read = Schema.decodeUnknownEffect(Compose, { onExcessProperty: "error" })
const text = readFileSync(join(import.meta.dirname, "../cluster/compose.yaml"), "utf8")

describe("the cluster's Compose file", () => {
  it.effect("has no field that Compose would not know, and names only what is in it", () =>
    Effect.gen(function* () {
      const { services, volumes } = yield* read(parse(text, { merge: true }))
      for (const service of Object.values(services)) {
        for (const [name, { condition }] of Object.entries(service.depends_on ?? {})) {
          const other = services[name]
          assert.isDefined(other, name)
          if (condition === "service_healthy") assert.isDefined(other?.healthcheck, name)
          else assert.isUndefined(other?.restart, name)
        }
        for (const volume of service.volumes ?? []) assert.property(volumes, volume.split(":")[0] ?? "")
      }
    })
  )

  it.effect("tells the app where the cluster's nodes are, in the form that it reads", () =>
    Effect.gen(function* () {
      const { services } = yield* read(parse(text, { merge: true }))
      const apps = ["app-1", "app-2"].map((name) => services[name]?.environment ?? {})
      for (const env of apps) {
        const { topology } = yield* RedisConfig.config.pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))
        )
        assert.strictEqual(topology._tag, "Cluster")
        if (topology._tag !== "Cluster") return
        for (const { host, port } of topology.nodes) assert.deepStrictEqual([host in services, port], [true, 6379])
        assert.strictEqual(topology.nodes.length, 3)
      }
    })
  )
})
