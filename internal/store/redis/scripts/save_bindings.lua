-- Compare-and-set of a registration: {the new version, updated (Unix seconds) of each binding}, or when there is another
-- one {-1, version, remaining us, updated, binding, ...}, as read_bindings.lua has it.
-- KEYS[1] registration   KEYS[2] change index   KEYS[3] expiry   KEYS[4] counts
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] member of the change index  ARGV[4] member of expiry  ARGV[5] prefix of the shard's keys
-- ARGV[6] the version that the caller knows  ARGV[7], ARGV[8], ... lifetime in us and packed binding, one after the other
local old, known = load_bindings(KEYS[1], KEYS[2], ARGV[3])
local lapsed = lapse_bindings(old)
if lapsed > 0 then
  old[1] = raise_bindings(KEYS[2], ARGV[5], ARGV[3], old[1], true)
end
if old[1] ~= tonumber(ARGV[6]) then
  if lapsed > 0 then
    save_bindings(KEYS[1], KEYS[3], ARGV[4], old, known)
    redis.call('HINCRBY', KEYS[4], 'bindings', -lapsed)
  end
  for i = 2, #old, 3 do old[i] = math.max(old[i] - now, 1) end
  return {-1, unpack(old)}
end
if #old == 1 and #ARGV == 6 then return {old[1]} end

local updated = {} -- a binding that is the same as before keeps the time of its last change
for i = 2, #old, 3 do updated[old[i + 2]] = old[i + 1] end
local list = {raise_bindings(KEYS[2], ARGV[5], ARGV[3], old[1], #ARGV - 6 ~= (#old - 1) / 3 * 2)}
for i = 7, #ARGV, 2 do
  list[#list + 1] = now + ARGV[i]
  list[#list + 1] = updated[ARGV[i + 1]] or math.floor(now / 1000000)
  list[#list + 1] = ARGV[i + 1]
end
save_bindings(KEYS[1], KEYS[3], ARGV[4], list, known)
if #list ~= #old then redis.call('HINCRBY', KEYS[4], 'bindings', (#list - #old) / 3) end
local reply = {list[1]}
for i = 3, #list, 3 do reply[#reply + 1] = list[i] end
return reply
