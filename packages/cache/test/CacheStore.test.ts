import { CacheStore, RedisStore } from "@letletme/cache"
import { Layer } from "effect"
import { suite } from "./suites/CacheStore.suite.ts"
import { redis } from "./tiers.ts"

suite("CacheStore in memory", CacheStore.layerMemory)
suite("CacheStore in Redis", RedisStore.layer.pipe(Layer.provide(redis)))
