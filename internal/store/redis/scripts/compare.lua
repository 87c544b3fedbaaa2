-- The stored versions of keys: {birth of the shard, version, version, ...}, 0 where there is none.
-- The birth is entered when it is missing: another one than before says that the shard was emptied meanwhile.
-- KEYS[1] change index
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3], ARGV[4], ... members of the change index
local reply = {tonumber(redis.call('ZSCORE', KEYS[1], '') or 0)}
if reply[1] == 0 then
  redis.call('ZADD', KEYS[1], now, '')
  reply[1] = now
end
for i = 3, #ARGV do
  reply[i - 1] = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[i]) or 0)
end
return reply
