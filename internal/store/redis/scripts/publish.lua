-- One PUBLISH (RFC 3903 s.6): 0 done, 1 no such entity-tag, 2 too many publications, else done: the new version.
-- KEYS[1] publications of the key (hash)   KEYS[2] change index   KEYS[3] subscriptions to the key (set)
-- ARGV[1] offset, reprieve, lifetime in us, limit (0 for none), operation (+ add, = modify, > refresh, - remove), member of
-- the change index, If-Match, id, new entity-tag; packed   ARGV[2] packed body
local base = string.sub(KEYS[2], 1, -8) -- without "changes"
local expiry = base .. 'expiry'
local list, known = load(KEYS[1], KEYS[2], member)
local lapsed = lapse(KEYS[1], list)
local gained, changed, body, result, at = -lapsed, lapsed > 0, false, 0, nil
local made = false -- this call was made before
for i = 2, #list, 4 do
  if op ~= '-' and list[i + 1] == tag then made = true end
  if op == '+' then
    if list[i] == id then at = i end
  elseif list[i + 1] == match then
    at = i
  end
end

if made then
  result = 0
elseif op == '+' then
  if not at and limit > 0 and (#list - 1) / 4 >= limit then
    result = 2
  else
    if at then drop(KEYS[1], list, at) else gained = gained + 1 end
    at, changed, body = #list + 1, true, ARGV[2]
    list[at], list[at + 1], list[at + 2], list[at + 3] = id, tag, ends, 0
  end
elseif not at then
  result = 1
elseif op == '-' then
  drop(KEYS[1], list, at)
  gained, changed = gained - 1, true
else
  id = list[at]
  list[at + 1], list[at + 2] = tag, ends
  if op == '=' then changed, body = true, ARGV[2] end
end

if changed then
  list[1] = raise(KEYS[2], base, member, list[1])
end
if body then
  local entry = {list[at], list[at + 1], list[at + 2], list[1]}
  if at + 3 < #list then -- the newest goes last
    for _ = 1, 4 do table.remove(list, at) end
    at = #list + 1
  end
  for i = 1, 4 do list[at + i - 1] = entry[i] end
end
if changed or (op == '>' and result == 0 and not made) then
  save(KEYS[1], expiry, 'pub:' .. member, list, known, id, body)
end
if gained ~= 0 then redis.call('HINCRBY', base .. 'counts', 'publications', gained) end
if changed and result == 0 then return list[1] end
return result
