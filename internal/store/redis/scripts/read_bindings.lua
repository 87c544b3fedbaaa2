-- All live bindings of an inbox: {version, remaining us, updated (Unix seconds), binding, ...}.
-- KEYS[1] registration   KEYS[2] change index   KEYS[3] expiry   KEYS[4] counts
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] member of the change index  ARGV[4] member of expiry  ARGV[5] prefix of the shard's keys
local list, known = load_bindings(KEYS[1], KEYS[2], ARGV[3])
local lapsed = lapse_bindings(list)
if lapsed > 0 then
  list[1] = raise(KEYS[2], ARGV[5], ARGV[3], list[1])
  save_bindings(KEYS[1], KEYS[3], ARGV[4], list, known)
  redis.call('HINCRBY', KEYS[4], 'bindings', -lapsed)
end
for i = 2, #list, 3 do list[i] = math.max(list[i] - now, 1) end
return list
