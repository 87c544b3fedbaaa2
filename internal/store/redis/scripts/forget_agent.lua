-- Forgets an agent whose subscriptions were all claimed, unless it came back: 1 forgotten, 0 not.
-- KEYS[1] leases
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] agent
local ends = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[3]) or 0)
if ends > over then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[3])
