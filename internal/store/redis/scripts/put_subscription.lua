-- Inserts or replaces a subscription: 0 done, 1 fenced, else done: what watchers_changed says.
-- KEYS[1] subscription   KEYS[2] subscriptions of its key (set)   KEYS[3] subscriptions of its agent (set)   KEYS[4] expiry   KEYS[5] counts   KEYS[6] change index
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] id  ARGV[5] fence  ARGV[6] agent
-- ARGV[7] lifetime in us  ARGV[8] member  ARGV[9] what only the agents read  ARGV[10] standing  ARGV[11] age in us
-- ARGV[12] member of the change index for who watches the key
local id, fence, agent, standing = ARGV[4], tonumber(ARGV[5]), ARGV[6], tonumber(ARGV[10])
local old = redis.call('GET', KEYS[1])
local made, changed = math.max(now - ARGV[11], 0), true
if old then
  local held, ends, owner, member, _, first, stood = open(old)
  if ends > over then
    if fence < held or (fence == held and agent ~= owner) then return 1 end
    made, changed = first, stood ~= standing or member ~= ARGV[8]
  end
  if owner ~= agent then
    redis.call('SREM', ARGV[3] .. 'agent:' .. owner, id)
    redis.call('SADD', KEYS[3], id)
  end
  if member ~= ARGV[8] then
    redis.call('SREM', ARGV[3] .. 'watch:' .. member, id)
    watchers_changed(KEYS[6], ARGV[3], member)
    redis.call('SADD', KEYS[2], id)
  end
else
  redis.call('SADD', KEYS[2], id)
  redis.call('SADD', KEYS[3], id)
  redis.call('HINCRBY', KEYS[5], 'subscriptions', 1)
end
local ends = now + ARGV[7]
redis.call('SET', KEYS[1], seal(fence, ends, agent, ARGV[8], ARGV[9], made, standing))
redis.call('ZADD', KEYS[4], ends, 'sub:' .. id)
if changed then return watchers_changed(KEYS[6], ARGV[3], ARGV[8], ARGV[12]) end
return 0
