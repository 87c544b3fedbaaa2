-- Stands behind the clock (now, over).
local tombstone = 3600000000 -- how long the version of what was removed is kept

-- renew gives a key its next version (a hybrid clock), as a number and as text, and enters it into the change index.
local function renew(index, member, previous)
  local version = now > previous and now or previous + 1
  local text = string.format('%d', version)
  redis.call('ZADD', index, text, member)
  return version, text
end

-- raise renews a key and hints at it where somebody has subscribed: who watches without a subscription finds the change in
-- the index. base is the prefix of the shard's keys.
local function raise(index, base, member, previous)
  local version, text = renew(index, member, previous)
  if redis.call('EXISTS', base .. 'watch:' .. member) == 1 then
    redis.call('SPUBLISH', base .. 'hints', text .. ' ' .. member)
  end
  return version
end

-- The watchers of a key have a version, under its winfo key in the change index, only while somebody asks for it now and
-- then: else a subscription need not change it. Where there is none, one is given when it is asked for, so that whoever has
-- an older one is told.

-- ask keeps the version of watchers for another hour, and gives them one where they have none.
local function ask(index, base, winfo)
  redis.call('ZADD', base .. 'expiry', now + tombstone, 'win:' .. winfo)
  local version = tonumber(redis.call('ZSCORE', index, winfo))
  if version then return version end
  redis.call('ZADD', index, now, winfo)
  return now
end
