-- Renews an agent's lease: {1 if the agent's own lease had lapsed, other agents whose lease has lapsed, ...}.
-- KEYS[1] leases (sorted set: agent -> end)
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] agent  ARGV[4] length of the lease in us
local mine = redis.call('ZSCORE', KEYS[1], ARGV[3])
redis.call('ZADD', KEYS[1], now + ARGV[4], ARGV[3])
local reply = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', over)
table.insert(reply, 1, (mine and tonumber(mine) <= now) and 1 or 0)
return reply
