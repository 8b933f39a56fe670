/**
 * Real servers and faults for the tests of this workspace.
 */
export { RedisServer, RedisServerError } from "./RedisServer.ts"
export { RedisCluster, RedisClusterError } from "./RedisCluster.ts"
export { RedisSentinel, RedisSentinelError } from "./RedisSentinel.ts"
export { PostgresServer, PostgresServerError } from "./PostgresServer.ts"
export * as Certificates from "./Certificates.ts"
export { freePort, Users } from "./RedisProcess.ts"
export * as TcpProxy from "./TcpProxy.ts"
export * as Checker from "./Checker.ts"
export * as Planner from "./simulation/Planner.ts"
export * as Simulation from "./Simulation.ts"
export * as VirtualTime from "./VirtualTime.ts"
