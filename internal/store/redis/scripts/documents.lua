-- Stands after common.lua, before the scripts that touch documents.

-- holds says whether a condition on an entity-tag holds; the stored one is '' for none.
local function holds(condition, stored)
  if condition == '' then return true end
  if condition == '*' then return stored ~= '' end
  if condition == '-' then return stored == '' end
  return stored == condition
end

-- document_changed gives a document its next version in the change index, hints at it, and returns it. It is kept for an hour.
local function document_changed(index, expiry, base, member)
  local previous = tonumber(redis.call('ZSCORE', index, member) or 0)
  local version = now > previous and now or previous + 1
  redis.call('ZADD', index, version, member)
  redis.call('ZADD', expiry, now + tombstone, 'doc:' .. member)
  redis.call('SPUBLISH', base .. 'hints', string.format('%.0f %s', version, member))
  return version
end
