-- Stands after common.lua, before the scripts that touch registrations.
-- A registration is {version, end, updated, binding, end, updated, binding, ...} in the order of first addition.
-- Behind it stands the end by which expiry knows it, as in publications.lua.

-- load_bindings returns the list and the end in expiry.
local function load_bindings(key, index, member)
  local packed = redis.call('GET', key)
  if packed then return cmsgpack.unpack(packed) end
  return {tonumber(redis.call('ZSCORE', index, member) or 0)}
end

-- lapse_bindings drops what has ended and says how many that were.
local function lapse_bindings(list)
  local i, lapsed = 2, 0
  while i < #list do
    if list[i] <= over then
      for _ = 1, 3 do table.remove(list, i) end
      lapsed = lapsed + 1
    else
      i = i + 3
    end
  end
  return lapsed
end

-- raise_bindings renews a registration. Nobody subscribes to it, but presence follows it: who comes or goes is worth a
-- hint, a refresh is found in the index.
local function raise_bindings(index, base, member, previous, comes_or_goes)
  local version, text = renew(index, member, previous)
  if comes_or_goes then redis.call('SPUBLISH', base .. 'hints', text .. ' ' .. member) end
  return version
end

-- save_bindings writes the list back. known is the end in expiry, nil for none.
local function save_bindings(key, expiry, name, list, known)
  if #list == 1 then
    redis.call('DEL', key)
    redis.call('ZADD', expiry, now + tombstone, name)
    return
  end
  local first = list[2]
  for i = 5, #list, 3 do
    if list[i] < first then first = list[i] end
  end
  if not known or first < known then
    redis.call('ZADD', expiry, first, name)
    known = first
  end
  redis.call('SET', key, cmsgpack.pack(list, known))
end
