-- Stores a document: 0 stored already, 1 the condition does not hold, else done: the version of the change.
-- KEYS[1] document (hash: t is the entity-tag, b the body)   KEYS[2] change index   KEYS[3] expiry
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] member of the change index  ARGV[5] condition
-- ARGV[6] entity-tag  ARGV[7] body
local stored = redis.call('HGET', KEYS[1], 't') or ''
if stored == ARGV[6] then return 0 end
if not holds(ARGV[5], stored) then return 1 end
if stored == '' then redis.call('HINCRBY', ARGV[3] .. 'counts', 'documents', 1) end
redis.call('HSET', KEYS[1], 't', ARGV[6], 'b', ARGV[7])
return document_changed(KEYS[2], KEYS[3], ARGV[3], ARGV[4])
