-- Stands before every script that needs the time.
-- ARGV[1] microseconds added to the server's clock (0 but in tests)
-- ARGV[2] reprieve: microseconds by which every end is put off (0 but in the grace period after a restart)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local over = now - ARGV[2] -- what ends at this time or earlier has ended
local tombstone = 3600000000 -- how long the version of what was removed is kept

-- raise gives a key its next version (a hybrid clock), enters it into the change index and hints at it.
local function raise(index, channel, member, previous)
  local version = now > previous and now or previous + 1
  redis.call('ZADD', index, version, member)
  redis.call('SPUBLISH', channel, string.format('%.0f %s', version, member))
  return version
end
