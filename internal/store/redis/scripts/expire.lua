-- Ends what is due in a shard: {microseconds until the next end, or -1 when nothing is left}. 0: there is more to do now.
-- KEYS[1] expiry   KEYS[2] change index   KEYS[3] counts
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] at most so many
local base, limit = ARGV[3], tonumber(ARGV[4])

local function expire_publications(name, member)
  local key = base .. name
  if redis.call('EXISTS', key) == 0 then -- a tombstone
    redis.call('ZREM', KEYS[1], name)
    redis.call('ZREM', KEYS[2], member)
    return
  end
  local list = load(key, KEYS[2], member)
  local lapsed = lapse(key, list)
  if lapsed > 0 then
    list[1] = raise(KEYS[2], base, member, list[1])
    redis.call('HINCRBY', KEYS[3], 'publications', -lapsed)
  end
  save(key, KEYS[1], name, list, nil)
end

local function expire_bindings(name, member)
  local key = base .. name
  if redis.call('EXISTS', key) == 0 then
    redis.call('ZREM', KEYS[1], name)
    redis.call('ZREM', KEYS[2], member)
    return
  end
  local list = load_bindings(key, KEYS[2], member)
  local lapsed = lapse_bindings(list)
  if lapsed > 0 then
    list[1] = raise_bindings(KEYS[2], base, member, list[1], true)
    redis.call('HINCRBY', KEYS[3], 'bindings', -lapsed)
  end
  save_bindings(key, KEYS[1], name, list, nil)
end

local function expire_subscription(name, id)
  local record = redis.call('GET', base .. name)
  if record then
    local _, _, agent, member = open(record)
    forget(KEYS[2], base, id, agent, member)
  else
    redis.call('ZREM', KEYS[1], name)
  end
end

local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', over, 'LIMIT', 0, limit)
for _, name in ipairs(due) do
  local kind, rest = string.sub(name, 1, 4), string.sub(name, 5)
  if kind == 'pub:' then
    expire_publications(name, rest)
  elseif kind == 'reg:' then
    expire_bindings(name, 'registration:' .. rest)
  elseif kind == 'vis:' then
    redis.call('DEL', base .. name, base .. 'last:' .. rest)
    redis.call('ZREM', KEYS[1], name)
  elseif kind == 'doc:' or kind == 'win:' then -- the change of a document, not the document; the version of watchers
    redis.call('ZREM', KEYS[1], name)
    redis.call('ZREM', KEYS[2], rest)
  else
    expire_subscription(name, rest)
  end
end
if #due == limit then return 0 end
local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if #next == 0 then return -1 end
return math.max(next[2] - over, 1)
