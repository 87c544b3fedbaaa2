-- Removes a subscription: 0 done or unknown, 1 fenced, else done: what watchers_changed says.
-- KEYS[1] subscription   KEYS[2] change index
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] id  ARGV[5] fence
-- ARGV[6] member of the change index for who watches the key
local old = redis.call('GET', KEYS[1])
if not old then return 0 end
local held, ends, owner, member = open(old)
if ends > over and tonumber(ARGV[5]) < held then return 1 end
return forget(KEYS[2], ARGV[3], ARGV[4], owner, member, ARGV[6])
