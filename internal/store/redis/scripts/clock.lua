-- Stands before every script that needs the time, but publish.lua.
-- ARGV[1] microseconds added to the server's clock (0 but in tests)
-- ARGV[2] reprieve: microseconds by which every end is put off (0 but in the grace period after a restart)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + ARGV[1]
local over = now - ARGV[2] -- what ends at this time or earlier has ended
