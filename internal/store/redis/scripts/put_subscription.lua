-- Inserts or replaces a subscription: 0 done, 1 fenced.
-- KEYS[1] subscription   KEYS[2] subscriptions of its key (set)   KEYS[3] subscriptions of its agent (set)   KEYS[4] expiry   KEYS[5] counts
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] id  ARGV[5] fence  ARGV[6] agent
-- ARGV[7] lifetime in us  ARGV[8] member  ARGV[9] what only the agents read
local id, fence, agent = ARGV[4], tonumber(ARGV[5]), ARGV[6]
local old = redis.call('GET', KEYS[1])
if old then
  local held, ends, owner, member = open(old)
  if ends > over and (fence < held or (fence == held and agent ~= owner)) then return 1 end
  if owner ~= agent then
    redis.call('SREM', ARGV[3] .. 'agent:' .. owner, id)
    redis.call('SADD', KEYS[3], id)
  end
  if member ~= ARGV[8] then
    redis.call('SREM', ARGV[3] .. 'watch:' .. member, id)
    redis.call('SADD', KEYS[2], id)
  end
else
  redis.call('SADD', KEYS[2], id)
  redis.call('SADD', KEYS[3], id)
  redis.call('HINCRBY', KEYS[5], 'subscriptions', 1)
end
local ends = now + ARGV[7]
redis.call('SET', KEYS[1], seal(fence, ends, agent, ARGV[8], ARGV[9]))
redis.call('ZADD', KEYS[4], ends, 'sub:' .. id)
return 0
