-- Claims some of the subscriptions of an agent whose lease has lapsed: {now, how many are left, id, record, ...}.
-- KEYS[1] subscriptions of the lost agent (set)   KEYS[2] subscriptions of the new owner (set)
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] new owner  ARGV[5] at most so many
local reply = {now, 0}
for _, id in ipairs(redis.call('SRANDMEMBER', KEYS[1], ARGV[5])) do
  redis.call('SREM', KEYS[1], id)
  local old = redis.call('GET', ARGV[3] .. 'sub:' .. id)
  if old then
    local fence, ends, owner, member, rest, made, standing = open(old)
    local record = seal(fence + 1, ends, ARGV[4], member, rest, made, standing)
    redis.call('SET', ARGV[3] .. 'sub:' .. id, record)
    redis.call('SADD', KEYS[2], id)
    moved(ARGV[3], id, owner)
    if ends > over then
      reply[#reply + 1] = id
      reply[#reply + 1] = record
    end
  end
end
reply[2] = redis.call('SCARD', KEYS[1])
return reply
