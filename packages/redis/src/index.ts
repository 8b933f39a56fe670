/**
 * ioredis as Effect services.
 */
export * as PersistenceRedis from "./PersistenceRedis.ts"
export * as RedisConfig from "./RedisConfig.ts"
export * as Script from "./Script.ts"
export {
  type Argument,
  type BlockingConnection,
  type Commands,
  type Connect,
  type Connection,
  type ConnectionState,
  type Purpose,
  Redis,
  type Spread
} from "./Redis.ts"
export { RedisError } from "./RedisError.ts"
