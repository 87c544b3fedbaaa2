-- The secrets of a name, newest first: {now, secret, secret, ...}.
-- KEYS[1] secrets of the name (list)
-- ARGV[1] offset  ARGV[2] reprieve
local reply = redis.call('LRANGE', KEYS[1], 0, -1)
table.insert(reply, 1, now)
return reply
