-- Stands after common.lua, before the scripts that touch publications.
-- A list is {version, id, tag, end, order, id, tag, end, order, ...}, oldest first; the bodies are fields of their own.
-- Behind it stands the end by which expiry knows it, which may be too early: then it is found there, and entered anew.

-- load returns the list and the end in expiry.
local function load(key, index, member)
  local packed = redis.call('HGET', key, 'm')
  if packed then return cmsgpack.unpack(packed) end
  return {tonumber(redis.call('ZSCORE', index, member) or 0)}
end

local function drop(key, list, i)
  redis.call('HDEL', key, 'b' .. list[i])
  for _ = 1, 4 do table.remove(list, i) end
end

-- lapse drops what has ended and says how many that were.
local function lapse(key, list)
  local i, lapsed = 2, 0
  while i < #list do
    if list[i + 2] <= over then
      drop(key, list, i)
      lapsed = lapsed + 1
    else
      i = i + 4
    end
  end
  return lapsed
end

-- save writes the list back, and the body of id where there is one. known is the end in expiry, nil for none.
local function save(key, expiry, name, list, known, id, body)
  if #list == 1 then
    redis.call('DEL', key)
    redis.call('ZADD', expiry, now + tombstone, name)
    return
  end
  local first = list[4]
  for i = 8, #list, 4 do
    if list[i] < first then first = list[i] end
  end
  if not known or first < known then
    redis.call('ZADD', expiry, first, name)
    known = first
  end
  if body then
    redis.call('HSET', key, 'm', cmsgpack.pack(list, known), 'b' .. id, body)
  else
    redis.call('HSET', key, 'm', cmsgpack.pack(list, known))
  end
end
