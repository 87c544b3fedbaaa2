-- What has changed lately in a shard: {birth of the shard, now, member, version, ...}, oldest first.
-- KEYS[1] change index
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] version from which on, +inf for the first time  ARGV[4] at most so many
local birth = tonumber(redis.call('ZSCORE', KEYS[1], '') or 0)
if birth == 0 then
  redis.call('ZADD', KEYS[1], now, '')
  birth = now
end
local reply = {birth, now}
local page = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[3], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[4])
for i = 1, #page, 2 do
  reply[#reply + 1] = page[i]
  reply[#reply + 1] = tonumber(page[i + 1])
end
return reply
