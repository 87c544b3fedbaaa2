-- Stands before publish.lua and all that it needs, to save the time that Redis takes to begin those.
-- The usual PUBLISH ends here: it adds the first publication of its key; or it changes or refreshes the only one, which has
-- not lapsed, and does not end before expiry will look at it. publish.lua does the same to it (TestPublishUsual).
-- Numbers go to Redis as text of '%d': Redis takes longer to write a number itself.
local packed = redis.call('HGET', KEYS[1], 'm')
if not packed and op == '+' then
  local text = string.format('%d', now)
  if redis.call('ZADD', KEYS[2], 'GT', 'CH', text, member) == 1 then -- not where what was here has a later version
    local base = string.sub(KEYS[2], 1, -8)
    redis.call('HSET', KEYS[1], 'm', cmsgpack.pack({now, id, tag, ends, now}, ends), 'b' .. id, ARGV[2])
    redis.call('ZADD', base .. 'expiry', string.format('%d', ends), 'pub:' .. member)
    redis.call('HINCRBY', base .. 'counts', 'publications', '1')
    if redis.call('EXISTS', KEYS[3]) == 1 then
      redis.call('SPUBLISH', base .. 'hints', text .. ' ' .. member)
    end
    return now
  end
elseif packed and (op == '=' or op == '>') then
  local list, known = cmsgpack.unpack(packed)
  if list[3] == match and not list[6] and list[4] > over and match ~= tag and known and known <= ends then
    list[3], list[4] = tag, ends
    if op == '>' then
      redis.call('HSET', KEYS[1], 'm', cmsgpack.pack(list, known))
      return 0
    end
    local version = now > list[1] and now or list[1] + 1
    local text = string.format('%d', version)
    list[1], list[5] = version, version
    redis.call('HSET', KEYS[1], 'm', cmsgpack.pack(list, known), 'b' .. list[2], ARGV[2])
    redis.call('ZADD', KEYS[2], text, member)
    if redis.call('EXISTS', KEYS[3]) == 1 then
      redis.call('SPUBLISH', string.sub(KEYS[2], 1, -8) .. 'hints', text .. ' ' .. member)
    end
    return version
  end
end
