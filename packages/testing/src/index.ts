/**
 * Real servers and faults for the tests of this workspace.
 */
export { RedisServer, RedisServerError } from "./RedisServer.ts"
export * as TcpProxy from "./TcpProxy.ts"
export * as Checker from "./Checker.ts"
export * as Plan from "./simulation/Plan.ts"
export * as Simulation from "./Simulation.ts"
