-- The stored versions of keys: {birth of the shard, version, version, ...}, 0 where there is none.
-- The birth is entered when it is missing: another one than before says that the shard was emptied meanwhile.
-- A winfo key that the caller has seen nothing of, or that has watchers, is given a version where it has none.
-- KEYS[1] change index
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4], ARGV[5], ... members of the change index,
-- with a + before those that the caller has seen nothing of
local reply = {tonumber(redis.call('ZSCORE', KEYS[1], '') or 0)}
if reply[1] == 0 then
  redis.call('ZADD', KEYS[1], now, '')
  reply[1] = now
end
for i = 4, #ARGV do
  local unseen, member = string.match(ARGV[i], '^(%+?)(.*)$')
  local version = redis.call('ZSCORE', KEYS[1], member)
  local pkg, aor = string.match(member, '^([^:]+)%.winfo(:.*)$')
  if pkg and (version or unseen == '+' or redis.call('EXISTS', ARGV[3] .. 'watch:' .. pkg .. aor) == 1) then
    version = ask(KEYS[1], ARGV[3], member)
  end
  reply[i - 2] = tonumber(version or 0)
end
return reply
