-- Stands after common.lua, before the scripts that touch subscriptions.
-- A record is fence (8 bytes), end in us (8), length of agent (1), length of member (2), agent, member, and what only the
-- agents read. member is the key that is watched, as "package:address-of-record".

local function open(record)
  local fence, ends, a, m = struct.unpack('>I8I8BH', record)
  return fence, ends, string.sub(record, 20, 19 + a), string.sub(record, 20 + a, 19 + a + m), string.sub(record, 20 + a + m)
end

local function seal(fence, ends, agent, member, rest)
  return struct.pack('>I8I8BH', fence, ends, #agent, #member) .. agent .. member .. rest
end

-- forget removes a subscription and every trace of it. base is the prefix of the shard's keys.
local function forget(base, id, agent, member)
  redis.call('DEL', base .. 'sub:' .. id)
  redis.call('SREM', base .. 'watch:' .. member, id)
  redis.call('SREM', base .. 'agent:' .. agent, id)
  redis.call('ZREM', base .. 'expiry', 'sub:' .. id)
  redis.call('HINCRBY', base .. 'counts', 'subscriptions', -1)
end

-- moved hints to the owner that it is the owner no more.
local function moved(base, id, owner)
  redis.call('SPUBLISH', base .. 'hints', '>' .. owner .. '\n' .. id)
end
