-- Makes an agent the owner of a subscription: {now, id, record}, or false when there is none.
-- KEYS[1] subscription   KEYS[2] subscriptions of the new owner (set)
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] id  ARGV[5] new owner
local old = redis.call('GET', KEYS[1])
if not old then return false end
local fence, ends, owner, member, rest, made, standing = open(old)
if ends <= over then return false end
local record = seal(fence + 1, ends, ARGV[5], member, rest, made, standing)
redis.call('SET', KEYS[1], record)
if owner ~= ARGV[5] then
  redis.call('SREM', ARGV[3] .. 'agent:' .. owner, ARGV[4])
  redis.call('SADD', KEYS[2], ARGV[4])
  moved(ARGV[3], ARGV[4], owner)
end
return {now, ARGV[4], record}
