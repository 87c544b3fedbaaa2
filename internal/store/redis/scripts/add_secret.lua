-- Adds a secret unless another agent did so meanwhile: 1 added, 0 not.
-- KEYS[1] secrets of the name (list, newest first; each: id as 4 bytes, birth in us as 8, key)
-- ARGV[1] offset  ARGV[2] reprieve  ARGV[3] id  ARGV[4] key  ARGV[5] how many to keep  ARGV[6] id of the newest that the caller knows, 0 for none
local newest = redis.call('LINDEX', KEYS[1], 0)
local known = newest and struct.unpack('>I4', newest) or 0
if known ~= tonumber(ARGV[6]) then return 0 end
redis.call('LPUSH', KEYS[1], struct.pack('>I4I8', tonumber(ARGV[3]), now) .. ARGV[4])
redis.call('LTRIM', KEYS[1], 0, tonumber(ARGV[5]) - 1)
return 1
