-- Removes a subscription: 0 unknown, 1 fenced, else done: the new version of who watches its key.
-- KEYS[1] subscription
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] id  ARGV[5] fence
local old = redis.call('GET', KEYS[1])
if not old then return 0 end
local held, ends, owner, member = open(old)
if ends > over and tonumber(ARGV[5]) < held then return 1 end
return forget(ARGV[3], ARGV[4], owner, member)
