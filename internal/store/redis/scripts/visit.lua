-- Merges a visit into the stored one of its watcher, and keeps so many watchers at most. It answers 0.
-- A visit is {last in us, end in us, fetches, subscriptions, display name, id, event, id, event, ...}, packed.
-- KEYS[1] visits of the key (hash: watcher -> visit)   KEYS[2] watchers (sorted set: watcher -> last)   KEYS[3] expiry
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] member of expiry  ARGV[4] watcher  ARGV[5] display name  ARGV[6] fetches
-- ARGV[7] subscriptions  ARGV[8] age of the last in us  ARGV[9] lifetime in us  ARGV[10] limit, 0 for none
-- ARGV[11] how many ended subscriptions are kept  ARGV[12], ARGV[13], ... id and event, one after the other
local watcher, last, ends, display = ARGV[4], now - ARGV[8], now + ARGV[9], ARGV[5]
local fetches, subscriptions = tonumber(ARGV[6]), tonumber(ARGV[7])
local packed = redis.call('HGET', KEYS[1], watcher)
local stored = packed and cmsgpack.unpack(packed)
if stored and stored[2] <= over then stored = nil end
if stored then
  if last < stored[1] then last, ends, display = stored[1], stored[2], stored[5] end
  fetches = math.min(fetches + stored[3], 4294967295)
  subscriptions = math.min(subscriptions + stored[4], 4294967295)
end

local visit, named = {last, ends, fetches, subscriptions, display}, {}
local function name(list, from)
  for i = from, #list, 2 do
    if #visit < 5 + 2 * ARGV[11] and not named[list[i]] then
      named[list[i]] = true
      visit[#visit + 1] = list[i]
      visit[#visit + 1] = tonumber(list[i + 1])
    end
  end
end
name(ARGV, 12)
if stored then name(stored, 6) end

redis.call('HSET', KEYS[1], watcher, cmsgpack.pack(visit))
redis.call('ZADD', KEYS[2], last, watcher)
local limit = tonumber(ARGV[10])
local many = limit > 0 and redis.call('ZCARD', KEYS[2]) - limit or 0
if many > 0 then
  local stalest = redis.call('ZPOPMIN', KEYS[2], many)
  for i = 1, #stalest, 2 do redis.call('HDEL', KEYS[1], stalest[i]) end
end
redis.call('ZADD', KEYS[3], 'GT', ends, ARGV[3]) -- the last to end takes the others with it
return 0
