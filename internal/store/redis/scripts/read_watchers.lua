-- A page of who watches a key: {cursor, now, version, visits, id, record, ...}. A record may come twice, as with SSCAN.
-- visits is {visit, ...} on the first page, each {watcher, display name, fetches, subscriptions, age of the last in us,
-- remaining us, id, event, id, event, ...}, in no order.
-- KEYS[1] subscriptions to the key (set)   KEYS[2] change index   KEYS[3] visits of the key (hash)   KEYS[4] watchers (sorted set: watcher -> last)
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] prefix of the shard's keys  ARGV[4] cursor  ARGV[5] member of the winfo key
local visits = {}
if ARGV[4] == '0' then
  local all = redis.call('HGETALL', KEYS[3])
  for i = 1, #all, 2 do
    local visit = cmsgpack.unpack(all[i + 1])
    if visit[2] > over then
      local reply = {all[i], visit[5], visit[3], visit[4], math.max(now - visit[1], 0), math.max(visit[2] - now, 1)}
      for j = 6, #visit do reply[j + 1] = visit[j] end
      visits[#visits + 1] = reply
    else
      redis.call('HDEL', KEYS[3], all[i])
      redis.call('ZREM', KEYS[4], all[i])
    end
  end
end
local page = redis.call('SSCAN', KEYS[1], ARGV[4], 'COUNT', 200)
local reply = {page[1], now, 0, visits}
for _, id in ipairs(page[2]) do
  local record = redis.call('GET', ARGV[3] .. 'sub:' .. id)
  if record then
    local _, ends, agent, member = open(record)
    if ends > over then
      reply[#reply + 1] = id
      reply[#reply + 1] = record
    else
      forget(KEYS[2], ARGV[3], id, agent, member, ARGV[5])
    end
  end
end
-- Where there is nothing, Redis may have lost it: a version would hide that.
if #reply > 4 or redis.call('ZSCORE', KEYS[2], ARGV[5]) then reply[3] = ask(KEYS[2], ARGV[3], ARGV[5]) end
return reply
