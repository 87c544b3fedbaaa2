-- All live publications of a key: {version, id, tag, remaining us, order, body, ...}.
-- KEYS[1] publications of the key (hash)   KEYS[2] change index   KEYS[3] expiry   KEYS[4] counts
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] member of the change index  ARGV[4] member of expiry  ARGV[5] prefix of the shard's keys
local list, known = load(KEYS[1], KEYS[2], ARGV[3])
local lapsed = lapse(KEYS[1], list)
if lapsed > 0 then
  list[1] = raise(KEYS[2], ARGV[5], ARGV[3], list[1])
  save(KEYS[1], KEYS[3], ARGV[4], list, known)
  redis.call('HINCRBY', KEYS[4], 'publications', -lapsed)
end
local reply = {list[1]}
for i = 2, #list, 4 do
  reply[#reply + 1] = list[i]
  reply[#reply + 1] = list[i + 1]
  reply[#reply + 1] = math.max(list[i + 2] - now, 1)
  reply[#reply + 1] = list[i + 3]
  reply[#reply + 1] = redis.call('HGET', KEYS[1], 'b' .. list[i])
end
return reply
