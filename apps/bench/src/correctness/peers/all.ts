import * as AsyncCacheDedupe from "./AsyncCacheDedupe.ts"
import * as Bentocache from "./Bentocache.ts"
import * as Cacheable from "./Cacheable.ts"
import * as CacheManager from "./CacheManager.ts"
import * as LayeredLoader from "./LayeredLoader.ts"
import * as Letletme from "./Letletme.ts"
import * as PersistedCache from "./PersistedCache.ts"
import type { Peer } from "../Peer.ts"

export const ours: Peer = Letletme.peer

/** Every cache, ours first. */
export const peers: ReadonlyArray<Peer> = [
  ours,
  Bentocache.peer,
  Bentocache.peerWithGrace,
  Cacheable.peer,
  CacheManager.peer,
  AsyncCacheDedupe.peer,
  LayeredLoader.peer,
  PersistedCache.peer
]
