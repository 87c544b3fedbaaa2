-- Stands before every script that needs the time.
-- ARGV[1] microseconds added to the server's clock (0 but in tests)
-- ARGV[2] reprieve: microseconds by which every end is put off (0 but in the grace period after a restart)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local over = now - ARGV[2] -- what ends at this time or earlier has ended
local tombstone = 3600000000 -- how long the version of what was removed is kept

-- raise gives a key its next version (a hybrid clock) and enters it into the change index. It hints at it where somebody
-- has subscribed: who watches without a subscription finds the change in the index. base is the prefix of the shard's keys.
local function raise(index, base, member, previous)
  local version = now > previous and now or previous + 1
  redis.call('ZADD', index, version, member)
  if redis.call('EXISTS', base .. 'watch:' .. member) == 1 then
    redis.call('SPUBLISH', base .. 'hints', string.format('%.0f %s', version, member))
  end
  return version
end

-- stamp gives a key its next version where the caller has not read the last one, and enters it into the change index.
local function stamp(index, member)
  if redis.call('ZADD', index, 'GT', 'CH', now, member) == 1 then return now end
  return tonumber(redis.call('ZINCRBY', index, 1, member))
end
