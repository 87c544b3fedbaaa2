-- Stands after common.lua, before the scripts that touch subscriptions.
-- A record is 1, fence (7 bytes), end in us (8), when it was made in us (8), standing (2), length of agent (1), length of
-- member (2), agent, member, and what only the agents read. member is the key that is watched, as
-- "package:address-of-record". A record that begins with 0 is an old one, which lacks the 1, when it was made, and standing.

local function open(record)
  if string.byte(record) == 0 then
    local fence, ends, a, m = struct.unpack('>I8I8BH', record)
    return fence, ends, string.sub(record, 20, 19 + a), string.sub(record, 20 + a, 19 + a + m), string.sub(record, 20 + a + m), now, 0
  end
  local _, fence, ends, made, standing, a, m = struct.unpack('>BI7I8I8I2BH', record)
  return fence, ends, string.sub(record, 30, 29 + a), string.sub(record, 30 + a, 29 + a + m), string.sub(record, 30 + a + m), made, standing
end

local function seal(fence, ends, agent, member, rest, made, standing)
  return struct.pack('>BI7I8I8I2BH', 1, fence, ends, made, standing, #agent, #member) .. agent .. member .. rest
end

-- winfo_of is the member of the change index under which the watchers of a key are watched.
local function winfo_of(member)
  local colon = string.find(member, ':', 1, true)
  return string.sub(member, 1, colon - 1) .. '.winfo' .. string.sub(member, colon)
end

-- watchers_changed gives the watchers of a key their next version, if somebody asks for it, and returns it, else 0. index is
-- the change index, winfo the member of it, nil for that of member.
local function watchers_changed(index, base, member, winfo)
  winfo = winfo or winfo_of(member)
  local version = redis.call('ZSCORE', index, winfo)
  return version and raise(index, base, winfo, tonumber(version)) or 0
end

-- forget removes a subscription and every trace of it, and returns what watchers_changed does. base is the prefix of the
-- shard's keys.
local function forget(index, base, id, agent, member, winfo)
  redis.call('DEL', base .. 'sub:' .. id)
  redis.call('SREM', base .. 'agent:' .. agent, id)
  redis.call('ZREM', base .. 'expiry', 'sub:' .. id)
  redis.call('HINCRBY', base .. 'counts', 'subscriptions', -1)
  redis.call('SREM', base .. 'watch:' .. member, id)
  return watchers_changed(index, base, member, winfo)
end

-- moved hints to the owner that it is the owner no more.
local function moved(base, id, owner)
  redis.call('SPUBLISH', base .. 'hints', '>' .. owner .. '\n' .. id)
end
