-- What has changed lately in a shard: {birth of the shard, now, from where to read on or 0 when this is all, documents,
-- members}, oldest first. Documents are {member, version, ...}; of the others, which may be many, the version costs more
-- than the rest and is asked for where somebody wants it (compare.lua).
-- KEYS[1] change index
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] version from which on, +inf for the first time  ARGV[4] at most so many
local birth = tonumber(redis.call('ZSCORE', KEYS[1], '') or 0)
if birth == 0 then
  redis.call('ZADD', KEYS[1], now, '')
  birth = now
end
local page = redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[3], '+inf', 'LIMIT', 0, ARGV[4])
local on, documents = 0, {}
if #page == tonumber(ARGV[4]) then on = tonumber(redis.call('ZSCORE', KEYS[1], page[#page])) end
for _, member in ipairs(page) do
  if string.byte(member) == 47 then -- /
    documents[#documents + 1] = member
    documents[#documents + 1] = tonumber(redis.call('ZSCORE', KEYS[1], member))
  end
end
return {birth, now, on, documents, page}
