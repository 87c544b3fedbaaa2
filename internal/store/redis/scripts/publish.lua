-- One PUBLISH (RFC 3903 s.6): 0 done, 1 no such entity-tag, 2 too many publications, else done: the new version.
-- KEYS[1] publications of the key (hash)   KEYS[2] change index   KEYS[3] expiry   KEYS[4] counts
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] member of the change index  ARGV[4] member of expiry  ARGV[5] prefix of the shard's keys
-- ARGV[6] add, modify, refresh or remove  ARGV[7] If-Match  ARGV[8] id  ARGV[9] new entity-tag
-- ARGV[10] lifetime in microseconds  ARGV[11] limit, 0 for none  ARGV[12] packed body
local op, match, id, tag = ARGV[6], ARGV[7], ARGV[8], ARGV[9]
local list, known = load(KEYS[1], KEYS[2], ARGV[3])
local lapsed = lapse(KEYS[1], list)
local gained, changed, body, result, at = -lapsed, lapsed > 0, false, 0, nil
local made = false -- this call was made before
for i = 2, #list, 4 do
  if op ~= 'remove' and list[i + 1] == tag then made = true end
  if op == 'add' then
    if list[i] == id then at = i end
  elseif list[i + 1] == match then
    at = i
  end
end

local ends = now + ARGV[10]
if made then
  result = 0
elseif op == 'add' then
  local limit = tonumber(ARGV[11])
  if not at and limit > 0 and (#list - 1) / 4 >= limit then
    result = 2
  else
    if at then drop(KEYS[1], list, at) else gained = gained + 1 end
    at, changed, body = #list + 1, true, ARGV[12]
    list[at], list[at + 1], list[at + 2], list[at + 3] = id, tag, ends, 0
  end
elseif not at then
  result = 1
elseif op == 'remove' then
  drop(KEYS[1], list, at)
  gained, changed = gained - 1, true
else
  id = list[at]
  list[at + 1], list[at + 2] = tag, ends
  if op == 'modify' then changed, body = true, ARGV[12] end
end

if changed then
  list[1] = raise(KEYS[2], ARGV[5], ARGV[3], list[1])
end
if body then
  local entry = {list[at], list[at + 1], list[at + 2], list[1]}
  if at + 3 < #list then -- the newest goes last
    for _ = 1, 4 do table.remove(list, at) end
    at = #list + 1
  end
  for i = 1, 4 do list[at + i - 1] = entry[i] end
end
if changed or (op == 'refresh' and result == 0 and not made) then
  save(KEYS[1], KEYS[3], ARGV[4], list, known, id, body)
end
if gained ~= 0 then redis.call('HINCRBY', KEYS[4], 'publications', gained) end
if changed and result == 0 then return list[1] end
return result
