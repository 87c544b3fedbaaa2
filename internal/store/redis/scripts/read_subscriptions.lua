-- A page of the subscriptions in a set: {cursor, now, id, record, ...}. One may come twice, as with SSCAN.
-- KEYS[1] set of ids
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] cursor
local page = redis.call('SSCAN', KEYS[1], ARGV[4], 'COUNT', 200)
local reply = {page[1], now}
for _, id in ipairs(page[2]) do
  local record = redis.call('GET', ARGV[3] .. 'sub:' .. id)
  if record then
    local _, ends = open(record)
    if ends > over then
      reply[#reply + 1] = id
      reply[#reply + 1] = record
    end
  end
end
return reply
